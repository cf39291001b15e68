// Package money counts in cents.
//
// Case: the root package of a module that lies two directories below the repository's root.
package money

import (
	"fmt"
	"strconv"
	"strings"
)

// Cents is an amount, in hundredths of the currency.
type Cents int64

// Parse reads "12" or "12.34".
func Parse(text string) (Cents, error) {
	whole, part, found := strings.Cut(text, ".")
	units, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("amount %q: not a number", text)
	}
	amount := Cents(units * 100)
	if !found {
		return amount, nil
	}
	hundredths, err := strconv.ParseUint(part, 10, 8)
	if err != nil || len(part) != 2 {
		return 0, fmt.Errorf("amount %q: want two digits after the point", text)
	}
	return amount + Cents(hundredths), nil
}

// Times is n times the amount.
func (c Cents) Times(n int) Cents {
	return c * Cents(n)
}

// String has two digits after the point.
func (c Cents) String() string {
	if c < 0 {
		return "-" + (-c).String()
	}
	return fmt.Sprintf("%d.%02d", c/100, c%100)
}
