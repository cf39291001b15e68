// Command cases runs the steps that its arguments name, in that order, so that runs with different
// arguments cover different code. Without arguments it lists the steps.
//
// Case: function literals as values of a package-level map literal; a package main below the module root.
package main

import (
	"fmt"
	"os"
	"sort"

	"example.com/cases/branches"
	"example.com/cases/generated"
	"example.com/cases/idle"
	"example.com/cases/layout"
	"example.com/cases/literals"
	"example.com/cases/mapped"
	"example.com/cases/marker"
	"example.com/cases/pairs"
	"example.com/cases/shapes"
	"example.com/cases/startup"
	"example.com/cases/units"
)

var steps = map[string]func(){
	"branches": func() { fmt.Println("branches:", branches.All(6)) },
	"generated": func() {
		for c := generated.Red; c <= generated.Blue; c++ {
			fmt.Println("generated:", c)
		}
	},
	"idle":     func() { fmt.Println("idle:", idle.Report(3)) },
	"layout":   func() { fmt.Println("layout:", layout.All(4)) },
	"literals": func() { fmt.Println("literals:", literals.All(5)) },
	"mapped":   func() { fmt.Println("mapped:", mapped.Evaluate("1+2+x")) },
	"marker":   func() { marker.Touch(marker.Visitor{}) },
	"pairs":    func() { fmt.Println("pairs:", pairs.All()) },
	"shapes":   func() { fmt.Println("shapes:", shapes.All(), units.Metre) },
	"startup":  func() { fmt.Println("startup:", startup.Order()) },

	// The two ways in which a program ends early: os.Exit writes the counters, a panic does not.
	"exit":  func() { os.Exit(3) },
	"panic": func() { panic("the step that never returns") },
}

func main() {
	if len(os.Args) < 2 {
		list()
		return
	}
	for _, name := range os.Args[1:] {
		step, ok := steps[name]
		if !ok {
			fmt.Fprintf(os.Stderr, "cases: no step %q\n", name)
			os.Exit(2)
		}
		step()
	}
}

func list() {
	names := make([]string, 0, len(steps))
	for name := range steps {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Println("steps:", names)
}
