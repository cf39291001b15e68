// Command segments rewrites counter files into the shapes that the coverage format allows and that no Go
// program writes by itself: several segments in one file, and the raw flavour.
//
//	segments -flavour=uleb128|raw -o FILE COUNTERFILE...
//
// Each input gives one segment. All inputs belong to one meta file.
//
// Case: made with Go's own encoder, so that a reader can be tested against the writer of the format. It uses
// packages that are internal to Go and is therefore built as a part of the Go source tree, as cmd/segments,
// by means of `go build -overlay`.
package main

import (
	"flag"
	"fmt"
	"internal/coverage"
	"internal/coverage/decodecounter"
	"internal/coverage/encodecounter"
	"os"
	"strconv"
)

// segment is one counter file's content.
type segment struct {
	hash  [16]byte
	args  map[string]string
	funcs []decodecounter.FuncPayload
}

func main() {
	flavour := flag.String("flavour", "uleb128", "uleb128 or raw")
	out := flag.String("o", "", "counter file to write")
	flag.Parse()
	if err := run(*flavour, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "segments:", err)
		os.Exit(1)
	}
}

func run(flavour, out string, inputs []string) error {
	flavours := map[string]coverage.CounterFlavor{"uleb128": coverage.CtrULeb128, "raw": coverage.CtrRaw}
	encoding, ok := flavours[flavour]
	if !ok || out == "" || len(inputs) == 0 {
		return fmt.Errorf("want -flavour=uleb128|raw -o FILE COUNTERFILE...")
	}
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer file.Close()
	writer := encodecounter.NewCoverageDataWriter(file, encoding)
	for i, input := range inputs {
		s, err := read(input)
		if err != nil {
			return fmt.Errorf("%s: %w", input, err)
		}
		if i == 0 {
			err = writer.Write(s.hash, s.args, s)
		} else {
			err = writer.AppendSegment(s.args, s)
		}
		if err != nil {
			return err
		}
	}
	return file.Close()
}

// VisitFuncs hands the functions to the encoder.
func (s *segment) VisitFuncs(visit encodecounter.CounterVisitorFn) error {
	for _, f := range s.funcs {
		if err := visit(f.PkgIdx, f.FuncIdx, f.Counters); err != nil {
			return err
		}
	}
	return nil
}

func read(name string) (*segment, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, err := decodecounter.NewCounterDataReader(name, file)
	if err != nil {
		return nil, err
	}
	s := &segment{args: map[string]string{"GOOS": reader.Goos(), "GOARCH": reader.Goarch()}}
	s.args["argc"] = strconv.Itoa(len(reader.OsArgs()))
	for i, arg := range reader.OsArgs() {
		s.args[fmt.Sprintf("argv%d", i)] = arg
	}
	// The reader does not give away the hash: it follows the magic and the version, 4 bytes each.
	if _, err := file.ReadAt(s.hash[:], 8); err != nil {
		return nil, err
	}
	for {
		var f decodecounter.FuncPayload
		more, err := reader.NextFunc(&f)
		if err != nil || !more {
			return s, err
		}
		s.funcs = append(s.funcs, f)
	}
}
