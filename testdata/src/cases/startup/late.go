package startup

func init() {
	order = append(order, "init of the second file")
}
