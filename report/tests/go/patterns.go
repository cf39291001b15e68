// Command patterns reads lines of a package pattern, a tab and an import path, and prints for each whether the
// reference says that they match.
package main

import (
	"bufio"
	"cmd/internal/pkgpattern"
	"fmt"
	"os"
	"strings"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		pattern, path, _ := strings.Cut(lines.Text(), "\t")
		fmt.Fprintln(out, pkgpattern.MatchSimplePattern(pattern)(path))
	}
}
