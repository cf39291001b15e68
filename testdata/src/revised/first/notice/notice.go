// Package notice words the notices.
//
// Case: a file with other units in the other build.
package notice

// For is the notice for one name.
func For(name string) string {
	if name == "" {
		return shout("somebody is here")
	}
	return name + " is here"
}
