// Package layout has the same few statements in many shapes of text.
//
// Case: comments and blank lines within blocks and at their ends, raw strings over several lines, calls
// over several lines, empty functions.
package layout

import (
	"fmt"
	"strings"
)

const banner = `first
  second
third`

// All calls everything but the functions that say otherwise.
func All(n int) string {
	empty()
	emptyWithComment()

	// A comment between two statements.
	parts := []string{
		comments(n),
		raw(),
		// A comment within an expression.
		wide(
			n,
			n+1,
		),
	}

	a, b := one(), two()+three(n)
	parts = append(parts, fmt.Sprint(a, b, größe("äöü")))

	return strings.Join(parts, ";")
	// A comment after the last statement.
}

func empty() {}

func emptyWithComment() {
	// Nothing to do.
}

func unused() {}

func comments(n int) string {
	// The block begins with a comment
	// of two lines.

	if n > 2 {

		// A blank line and a comment come first.
		n--

		/* A block comment
		   of two lines. */
		n--

	} else {
		// This branch never runs
		n = 0
		// and has comments around its statement.
	}

	for i := 0; i < n; i++ {
		// Only a comment.
	}

	if n == 2 {
		// An empty body that was reached.
	}

	return fmt.Sprint(n)
}

func raw() string {
	text := `
		if text {
			// this is not code
		}
	`
	if len(text) > 1000 {
		return `never
returned`
	}
	return fmt.Sprint(len(text), len(banner), `a
b`)
}

func wide(first int,
	second int) string {
	result := fmt.Sprintf("%d-%d",
		first,
		second,
	)
	if first > second &&
		first > 100 {
		result = ""
	}
	return result
}
