// Command revised prints a notice for each argument.
//
// Case: a program of which two builds run at the same time, as during a rolling update. This file is the
// same in both.
package main

import (
	"fmt"
	"os"

	"example.com/revised/notice"
)

func main() {
	for _, name := range os.Args[1:] {
		fmt.Println(notice.For(name))
	}
}
