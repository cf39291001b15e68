// Command single is one file without a go.mod.
//
// Case: `go build main.go` gives the package command-line-arguments, no module and absolute paths.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Println("hello", os.Args[1])
		return
	}
	fmt.Println(greet(""))
}

func greet(name string) string {
	if name == "" {
		return "hello"
	}
	return "hello " + name
}
