module example.com/revised

go 1.21
