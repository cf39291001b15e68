// Package idle is part of the program, and no recorded run calls it.
//
// Case: an unexecuted package: no function of it is in any counter file.
package idle

import "fmt"

// Report is never called.
func Report(n int) string {
	if n > 2 {
		return many(n)
	}
	return "few"
}

func many(n int) string {
	return fmt.Sprintf("%d items", n)
}
