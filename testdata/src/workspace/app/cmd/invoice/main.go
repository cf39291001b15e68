// Command invoice prints one line of a bill: the net price and the quantity are its arguments, a third
// argument is the country.
//
// Case: the program of a go.work repository whose packages come from three modules.
package main

import (
	"fmt"
	"os"

	"example.com/invoice/app/internal/render"
	"example.com/invoice/lib/money"
	"example.com/tax"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "invoice:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("want PRICE QUANTITY [COUNTRY], got %d arguments", len(args))
	}
	price, err := money.Parse(args[0])
	if err != nil {
		return err
	}
	quantity := 0
	if _, err := fmt.Sscan(args[1], &quantity); err != nil {
		return fmt.Errorf("quantity %q: %w", args[1], err)
	}
	country := ""
	if len(args) > 2 {
		country = args[2]
	}
	net := price.Times(quantity)
	fmt.Println(render.Line(net, tax.On(net, country)))
	return nil
}
