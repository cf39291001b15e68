// Package generated has a hand-written file and a generated one.
//
// Case: a file with the "Code generated ... DO NOT EDIT." line.
package generated

// Colour is one of three.
type Colour int

// The colours.
const (
	Red Colour = iota
	Green
	Blue
)

// Next never runs.
func (c Colour) Next() Colour {
	if c == Blue {
		return Red
	}
	return c + 1
}
