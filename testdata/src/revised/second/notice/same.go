package notice

// Case: a file which is the same in both builds.

func shout(text string) string {
	if len(text) > 40 {
		return text[:40] + "..."
	}
	return text + "!"
}
