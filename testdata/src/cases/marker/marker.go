// Package marker has functions and not one statement.
//
// Case: a package whose functions are all empty ("[no statements]").
package marker

// Marker marks.
type Marker interface {
	Mark()
}

// Visitor is a Marker.
type Visitor struct{}

// Mark does nothing.
func (Visitor) Mark() {}

// Touch does nothing either.
func Touch(Marker) {}
