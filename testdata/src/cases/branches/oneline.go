package branches

// This file is not gofmt'ed, on purpose: gofmt would spread each of these blocks over several lines.
//
// Case: one-line if, one-line if/else, a one-line if whose body never runs, nested for loops on one line,
// cases on one line.

func oneLine(n int) int {
	if n > 3 { n -= 3 }
	return n
}

func oneLineElse(n int) int {
	if n%2 == 0 { n /= 2 } else { n = 3*n + 1 }
	return n
}

func neverTaken(n int) int {
	if n < 0 { n = -n }
	return n
}

func corner(n int) int {
	sum := 0
	for i := 0; i < n; i++ { for j := 0; j < i; j++ { sum++ } }
	return sum
}

func sign(n int) int {
	switch {
	case n < 0: return -1
	case n > 0: return 1
	}
	return 0
}
