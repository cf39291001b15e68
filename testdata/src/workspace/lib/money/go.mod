module example.com/invoice/lib/money

go 1.21
