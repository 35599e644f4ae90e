// Verifies a log of decisions by the Go project's own libraries for such logs, which share no code with Situs:
//
//	verifier KEY LOG [PROOF...]
//
// KEY is a file with the log's public key, LOG the folder `log` of a data directory. It checks the checkpoint's
// signature, every tile against the signed root, every entry against its tile, and proofs of single entries.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// height is that of C2SP tlog-tiles.
const height = 8

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "verifier:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: verifier KEY LOG [PROOF...]")
	}
	key, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return err
	}
	log := args[1]
	signed, err := os.ReadFile(filepath.Join(log, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := open(signed, verifier)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, tiles{log})
	// It believes no tile that does not lead to the root.
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return errors.New("the tiles give another root")
	}
	for bundle := int64(0); bundle*256 < tree.N; bundle++ {
		if err := check(log, bundle, min(256, tree.N-bundle*256), hashes); err != nil {
			return err
		}
	}
	for _, path := range args[2:] {
		if err := proof(path, verifier); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	fmt.Printf("%s: %d entries, %d proofs\n", verifier.Name(), tree.N, len(args)-2)
	return nil
}

// open reads a checkpoint that the key signed.
func open(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("the note is no checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

// check holds the entries of a bundle against the hashes of the tree.
func check(log string, bundle, width int64, hashes tlog.HashReader) error {
	data, err := os.ReadFile(filepath.Join(log, path("tile/entries", bundle, int(width))))
	if err != nil {
		return err
	}
	indexes := make([]int64, width)
	for place := range indexes {
		indexes[place] = tlog.StoredHashIndex(0, bundle*256+int64(place))
	}
	wanted, err := hashes.ReadHashes(indexes)
	if err != nil {
		return err
	}
	for place := range indexes {
		if len(data) < 2 {
			return fmt.Errorf("bundle %d ends early", bundle)
		}
		length := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+length {
			return fmt.Errorf("bundle %d ends early", bundle)
		}
		if tlog.RecordHash(data[2:2+length]) != wanted[place] {
			return fmt.Errorf("entry %d is another", bundle*256+int64(place))
		}
		data = data[2+length:]
	}
	if len(data) > 0 {
		return fmt.Errorf("bundle %d goes on", bundle)
	}
	return nil
}

// proof checks a proof in the form of C2SP tlog-proof that brings its entry along.
func proof(path string, verifier note.Verifier) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, signed, found := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("no proof that brings its entry")
	}
	extra, found := strings.CutPrefix(lines[1], "extra ")
	if !found {
		return errors.New("no proof that brings its entry")
	}
	entry, err := base64.StdEncoding.DecodeString(extra)
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var hashes tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		hashes = append(hashes, hash)
	}
	tree, err := open(signed, verifier)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

// tiles reads tiles from files.
type tiles struct{ log string }

func (t tiles) Height() int { return height }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for place, tile := range wanted {
		name := path(fmt.Sprintf("tile/%d", tile.L), tile.N, tile.W)
		read, err := os.ReadFile(filepath.Join(t.log, name))
		if err != nil {
			return nil, err
		}
		data[place] = read
	}
	return data, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// path is that of C2SP tlog-tiles, which has no height in it.
func path(folder string, index int64, width int) string {
	name := fmt.Sprintf("%03d", index%1000)
	for index >= 1000 {
		index /= 1000
		name = fmt.Sprintf("x%03d/%s", index%1000, name)
	}
	if width < 256 {
		name += fmt.Sprintf(".p/%d", width)
	}
	return folder + "/" + name
}
