// Package pairs has generic types and functions.
//
// Case: two generic types with methods of the same name Set, one and two type parameters, a generic
// function that is instantiated for two types, a generic method that never runs.
package pairs

import "fmt"

// Box holds one value.
type Box[T any] struct {
	value T
	full  bool
}

// Set fills the box and reports whether it was empty.
func (b *Box[T]) Set(value T) bool {
	if b.full {
		return false
	}
	b.value, b.full = value, true
	return true
}

// Pair holds a key and a value.
type Pair[K comparable, V any] struct {
	Key   K
	Value V
}

// Set stores the value if the key is the pair's own.
func (p *Pair[K, V]) Set(key K, value V) bool {
	if p.Key != key {
		return false
	}
	p.Value = value
	return true
}

// Swap never runs.
func (p Pair[K, V]) Swap(other Pair[K, V]) (Pair[K, V], Pair[K, V]) {
	return other, p
}

// Map applies f to each item.
func Map[In, Out any](items []In, f func(In) Out) []Out {
	out := make([]Out, 0, len(items))
	for _, item := range items {
		out = append(out, f(item))
	}
	return out
}

// All uses both types, and Map for two instances.
func All() string {
	var box Box[int]
	first, second := box.Set(1), box.Set(2)
	pair := Pair[string, float64]{Key: "a"}
	known := pair.Set("a", 1.5)
	words := Map([]int{1, 2, 3}, func(n int) string { return fmt.Sprint(n) })
	lengths := Map(words, func(s string) int { return len(s) })
	return fmt.Sprint(first, second, known, words, lengths)
}
