module notes

go 1.24

require github.com/lib/pq v1.10.9

// The image has the driver, so that this project needs no module proxy. Where you have one, drop this line.
replace github.com/lib/pq => /usr/share/gocode/src/github.com/lib/pq
