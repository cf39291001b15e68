// Package branches has control flow.
//
// Case: nested for loops, labels, goto, break and continue with a label, if/else chains, a condition over
// several lines.
package branches

// All runs the loops and jumps up to n, and the choices for a few values.
func All(n int) int {
	sum := oneLine(n) + oneLineElse(n) + neverTaken(n) + corner(n) + sign(n) + triangle(n) + labels(n) + jump(n)
	for i := 0; i < n; i++ {
		sum += choose(i)
	}
	return sum + kind(n) + kind("text") + wait() + boolean(n, true)
}

func triangle(n int) int {
	sum := 0
	for i := 0; i < n; i++ {
		for j := i; j < n; j++ {
			if j == i {
				continue
			}
			sum += j
		}
	}
	return sum
}

func labels(n int) int {
	steps := 0
outer:
	for i := 0; i < n; i++ {
		for j := 0; ; j++ {
			steps++
			switch {
			case j > i:
				continue outer
			case steps > 40:
				break outer
			}
		}
	}
	return steps
}

func jump(n int) int {
	i := 0
again:
	if i < n {
		i += 2
		goto again
	}
	return i
}

func boolean(n int, flag bool) int {
	ready := flag && n > 0 ||
		n == -1 ||
		n == -2
	if ready {
		n++
	} else if n == 0 {
		n--
	} else {
		n = 7
	}
	return n
}
