// Package units has types and constants only.
//
// Case: a package with no functions.
package units

// Length is a length in millimetres.
type Length int

// The lengths that have names.
const (
	Millimetre Length = 1
	Metre             = 1000 * Millimetre
)
