// Package mapped looks like the output of a parser generator.
//
// Case: //line directives with and without a column into a file that is not Go, and back.
package mapped

import (
	"fmt"
	"strings"
)

// Evaluate adds single digits and reports the names it does not know.
func Evaluate(input string) string {
	value, unknown := 0, []string(nil)
	for _, token := range strings.Split(input, "+") {
		switch {
		case token >= "0" && token <= "9":
//line grammar.y:12
			value += int(token[0] - '0')
//line parser.go:20
		case token != "":
//line grammar.y:16:8
			unknown = append(unknown, token)
//line parser.go:24
		default:
			return "syntax error"
		}
	}
	return fmt.Sprint(value, unknown)
}

//line grammar.y:40
func helper(n int) int {
	if n > 1 {
		return n
	}
	return 1
}

//line parser.go:41
func plain() int {
	return helper(2)
}
