package layout

// This file is not gofmt'ed, on purpose: gofmt would give each statement a line of its own.
//
// Case: several functions and statements on a line, a statement that starts behind a block comment,
// non-ASCII text before a block (columns count bytes).

func one() int { return 1 }; func two() int { x := 1; x++; return x }

func three(n int) int {
	/* This comment
	   ends on the line of a statement. */ n--
	if n > 1 { n = 1; n++ }; if n < 0 { return 0 } // Two blocks, and a comment behind them.
	return n
}

func größe(s string) int { if s == "ä" { return 1 }; return len([]rune(s)) }
