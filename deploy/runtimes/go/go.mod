module fnplane.dev/fn

go 1.22
