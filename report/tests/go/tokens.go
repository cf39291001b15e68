// Command tokens prints for each Go file below a directory the tokens that go/scanner finds: the file's path, their
// number, and a hash of their kinds, starts and ends. Files that do not scan without an error are left out.
package main

import (
	"encoding/binary"
	"fmt"
	"go/scanner"
	"go/token"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	err := filepath.WalkDir(os.Args[1], func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err == nil {
			scan(path, source)
		}
		return err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func scan(path string, source []byte) {
	file := token.NewFileSet().AddFile(path, -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, 0)
	hash, count := fnv.New64a(), 0
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue
		}
		start := file.Offset(pos)
		end := start + len(tok.String())
		if literal != "" {
			end = start + len(literal)
		}
		// The scanner takes carriage returns out of raw strings.
		if tok == token.STRING && literal[0] == '`' {
			end = start + 2 + strings.IndexByte(string(source[start+1:]), '`')
		}
		kind := uint32(4)
		switch {
		case tok == token.IDENT || tok.IsKeyword():
			kind = 0
		case tok.IsLiteral():
			kind = 1
		case tok == token.LBRACE:
			kind = 2
		case tok == token.RBRACE:
			kind = 3
		}
		for _, value := range []uint32{kind, uint32(start), uint32(end)} {
			var bytes [4]byte
			binary.LittleEndian.PutUint32(bytes[:], value)
			hash.Write(bytes[:])
		}
		count++
	}
	if s.ErrorCount == 0 {
		fmt.Printf("%s\t%d\t%d\n", path, count, hash.Sum64())
	}
}
