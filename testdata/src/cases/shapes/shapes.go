// Package shapes has methods of every kind.
//
// Case: value and pointer receivers, two methods of one name on different types, an embedded type, a
// method value, a method of an unexported type, a method with an unnamed receiver.
package shapes

// Shape is anything with an area, in square units.
type Shape interface {
	Area() int
}

// Circle is a coarse circle: pi is 3.
type Circle struct{ Radius int }

// Area has a value receiver.
func (c Circle) Area() int {
	return 3 * c.Radius * c.Radius
}

// Square changes in place.
type Square struct{ Side int }

// Area has a pointer receiver and the same name as Circle's.
func (s *Square) Area() int {
	if s == nil {
		return 0
	}
	return s.Side * s.Side
}

// Grow makes the side longer.
func (s *Square) Grow(by int) {
	if by < 0 {
		panic("a square does not shrink")
	}
	s.Side += by
}

// Tile is a square with a colour: it gets Area by embedding.
type Tile struct {
	*Square
	Colour string
}

// String is never called.
func (t Tile) String() string {
	return t.Colour + " tile"
}

type origin struct{}

// The receiver has no name because the body does not need one.
func (origin) Area() int { return 0 }

// All uses each kind once.
func All() int {
	square := &Square{Side: 2}
	grow := square.Grow
	grow(1)
	sum := 0
	for _, shape := range []Shape{Circle{Radius: 2}, square, Tile{square, "blue"}, origin{}} {
		sum += shape.Area()
	}
	return sum
}
