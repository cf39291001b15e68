// Package startup has code that runs before main.
//
// Case: two init functions in one file, a third in a second file, a package-level variable that a function
// initialises.
package startup

var order = []string{first()}

func first() string {
	return "variable"
}

func init() {
	order = append(order, "init one")
}

func init() {
	order = append(order, "init two")
	if len(order) > 9 {
		order = nil
	}
}

// Order names the parts in the order in which they ran.
func Order() []string {
	return order
}
