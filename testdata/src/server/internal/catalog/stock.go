package catalog

// Stock is what stands on the shelves when the service starts.
var Stock = []Book{
	{ID: "emma", Title: "Emma", Author: "Jane Austen", Year: 1815, Copies: 1},
	{ID: "moby", Title: "Moby-Dick", Author: "Herman Melville", Year: 1851, Copies: 2},
	{ID: "nils", Title: "The Wonderful Adventures of Nils", Author: "Selma Lagerlöf", Year: 1906, Copies: 3},
	{ID: "persuasion", Title: "Persuasion", Author: "Jane Austen", Year: 1817, Copies: 1},
	{ID: "time", Title: "The Time Machine", Author: "H. G. Wells", Year: 1895, Copies: 1},
}
