// Package literals has function literals wherever they can stand.
//
// Case: closures, literals within literals, literals as values of a map within a function, two literals
// on one line, a literal that is called where it stands, defer and recover, a goroutine.
package literals

import (
	"errors"
	"sync"
)

// doubled is set by a literal that runs at start-up.
var doubled = func(n int) int {
	return 2 * n
}(21)

// All uses each kind of literal.
func All(n int) int {
	next := counter()
	next()
	sum := next() + table("add", n) + table("none", n) + protect(0) + protect(n) + aside(n) + doubled
	return sum + nested(n)
}

func counter() func() int {
	count := 0
	return func() int {
		count++
		return count
	}
}

func table(name string, n int) int {
	operations := map[string]func(int) int{
		"add": func(n int) int { return n + 1 },
		"sub": func(n int) int { return n - 1 },
		"abs": func(n int) int {
			if n < 0 {
				return -n
			}
			return n
		},
	}
	operation, ok := operations[name]
	if !ok {
		return 0
	}
	return operation(n)
}

func nested(n int) int {
	both := func(f, g func(int) int) int { return f(g(n)) }
	return both(func(n int) int { return n * n }, func(n int) int { return n - 1 }) + func() int {
		inner := func() int {
			return 1
		}
		if n < 0 {
			return inner()
		}
		return 0
	}()
}

var errZero = errors.New("zero")

func protect(n int) (result int) {
	defer func() {
		if cause := recover(); cause != nil {
			result = -1
		}
	}()
	defer func() { result++ }()
	if n == 0 {
		panic(errZero)
	}
	return 60 / n
}

// aside runs its goroutines one after the other: in count mode, counters that two goroutines raise at the same
// time lose counts, and the recorded numbers would not be the same each time.
func aside(n int) int {
	var group sync.WaitGroup
	squares := make([]int, n)
	for i := range squares {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			squares[i] = i * i
		}(i)
		group.Wait()
	}
	sum := 0
	for _, square := range squares {
		sum += square
	}
	return sum
}
