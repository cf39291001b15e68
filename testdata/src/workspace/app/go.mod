module example.com/invoice/app

go 1.21

require (
	example.com/invoice/lib/money v0.0.0
	example.com/tax v0.0.0
)
