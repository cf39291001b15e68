// Package catalog knows the books of the library.
package catalog

import (
	"errors"
	"sort"
	"strings"
)

// ErrUnknown says that there is no such book.
var ErrUnknown = errors.New("no such book")

// Book is one title, of which the library owns one copy or more.
type Book struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Author string `json:"author"`
	Year   int    `json:"year"`
	Copies int    `json:"copies"`
}

// Catalog finds books. It does not change after New.
type Catalog struct {
	books []Book // oldest first
}

// New makes a catalog of the given books.
func New(books ...Book) *Catalog {
	c := &Catalog{books: append([]Book(nil), books...)}
	sort.SliceStable(c.books, func(i, j int) bool { return c.books[i].Year < c.books[j].Year })
	return c
}

// Get finds one book by its ID.
func (c *Catalog) Get(id string) (Book, error) {
	for _, book := range c.books {
		if book.ID == id {
			return book, nil
		}
	}
	return Book{}, ErrUnknown
}

// Search finds the books whose title or author has the words of the query, oldest first. An empty query
// finds every book.
func (c *Catalog) Search(query string) []Book {
	found := []Book{}
	for _, book := range c.books {
		if matches(book, query) {
			found = append(found, book)
		}
	}
	return found
}

// Decade finds the books that appeared in the ten years from the given one. Nothing offers it yet.
func (c *Catalog) Decade(first int) []Book {
	found := []Book{}
	for _, book := range c.Search("") {
		if book.Year >= first && book.Year < first+10 {
			found = append(found, book)
		}
	}
	return found
}

func matches(book Book, query string) bool {
	text := strings.ToLower(book.Title + " " + book.Author)
	for _, word := range strings.Fields(strings.ToLower(query)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
