// Package lending keeps the loans of the library.
package lending

import (
	"errors"
	"sort"
	"sync"

	"example.com/library/internal/catalog"
)

// The rules of the house.
const (
	maxLoans     = 2  // books per member
	freeDays     = 14 // days
	finePerDay   = 10 // cents
	highestFine  = 500
	noFineAtMost = 2 // days late
)

// What can stand in the way of a loan or a return.
var (
	ErrTooMany = errors.New("the member has too many books")
	ErrNotLent = errors.New("the member does not have the book")
)

// Desk lends books and takes them back. It may be used by several goroutines.
type Desk struct {
	mu      sync.Mutex
	books   *catalog.Catalog
	loans   map[string][]string // book -> members
	waiting map[string][]string // book -> members, first come first
}

// NewDesk opens a desk without loans.
func NewDesk(books *catalog.Catalog) *Desk {
	return &Desk{books: books, loans: map[string][]string{}, waiting: map[string][]string{}}
}

// Borrow lends a book, or puts the member on the book's waiting list: the result is the place on it, from 1,
// or 0 for a loan.
func (d *Desk) Borrow(member, id string) (int, error) {
	book, err := d.books.Get(id)
	if err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.of(member)) >= maxLoans {
		return 0, ErrTooMany
	}
	if len(d.loans[id]) >= book.Copies {
		d.waiting[id] = append(d.waiting[id], member)
		return len(d.waiting[id]), nil
	}
	d.loans[id] = append(d.loans[id], member)
	return 0, nil
}

// Return takes a book back after so many days: the results are the fine in cents and the member who waits
// for the book, if there is one.
func (d *Desk) Return(member, id string, days int) (fine int, next string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	members := d.loans[id]
	at := -1
	for i, name := range members {
		if name == member {
			at = i
		}
	}
	if at < 0 {
		return 0, "", ErrNotLent
	}
	d.loans[id] = append(members[:at], members[at+1:]...)
	if queue := d.waiting[id]; len(queue) > 0 {
		next, d.waiting[id] = queue[0], queue[1:]
	}
	return fineFor(days - freeDays), next, nil
}

// Of lists the books that a member has, by ID.
func (d *Desk) Of(member string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.of(member)
}

// Close ends every loan at the end of the year. Nobody has seen it run.
func (d *Desk) Close() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	ended := 0
	for id, members := range d.loans {
		ended += len(members)
		delete(d.loans, id)
	}
	return ended
}

func (d *Desk) of(member string) []string {
	ids := []string{}
	for id, members := range d.loans {
		for _, name := range members {
			if name == member {
				ids = append(ids, id)
			}
		}
	}
	sort.Strings(ids)
	return ids
}

func fineFor(late int) int {
	if late <= noFineAtMost {
		return 0
	}
	if fine := late * finePerDay; fine < highestFine {
		return fine
	}
	return highestFine
}
