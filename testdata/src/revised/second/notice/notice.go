// Package notice words the notices.
//
// Case: a file with other units in the other build. The text before this line has grown by a sentence, so
// that every line below has moved, and For has one branch more.
package notice

// For is the notice for one name.
func For(name string) string {
	switch {
	case name == "":
		return shout("somebody is here")
	case len(name) > 20:
		return shout(name + " is here")
	}
	return name + " is here"
}
