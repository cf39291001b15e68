package branches

// Case: switch with an empty case, fallthrough, a default in the middle, a case list over two lines, a
// switch without a condition, a type switch, select with and without default.

func choose(n int) int {
	switch n {
	case 0:
	case 1:
		n += 10
		fallthrough
	default:
		n++
	case 3,
		4:
		n = 30
	}
	switch {
	case n > 100:
	}
	return n
}

func kind(value any) int {
	switch v := value.(type) {
	case nil:
		return -1
	case int:
		return v
	case string, []byte:
		return 1
	}
	return 0
}

func wait() int {
	full, empty := make(chan int, 1), make(chan int)
	full <- 5
	got := 0
	select {
	case n := <-full:
		got = n
	case n := <-empty:
		got = -n
	}
	select {
	case <-empty:
		got = 0
	default:
	}
	select {
	case empty <- got:
		got = 0
	default:
		got++
	}
	return got
}
