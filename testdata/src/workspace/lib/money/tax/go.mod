module example.com/tax

go 1.21

require example.com/invoice/lib/money v0.0.0
