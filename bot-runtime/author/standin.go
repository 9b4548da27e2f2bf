package author

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/files"
	"github.com/loket-dev/loket/bot-runtime/source"
)

// standInMost bounds a file of rows.
const standInMost = 256 << 20

// standIn gives each Directory whose rows a pod would fetch those of the file beside it that bears its name, as institutions.csv,
// .json or .ndjson, so that an author can try flows with it and no server is asked. It returns what is wrong with such files.
func standIn(path string, b bundle.Bundle) (wrong []files.Problem) {
	folder := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		folder = filepath.Dir(path)
	}
	for i, o := range b.Objects {
		if o.Directory == nil {
			continue
		}
		if _, _, fetched := o.Directory.Source.Fetched(); !fetched {
			continue
		}
		for _, format := range []v1alpha1.RowFormat{v1alpha1.FormatCSV, v1alpha1.FormatJSON, v1alpha1.FormatNDJSON} {
			name := filepath.Join(folder, o.Name+"."+string(format))
			rows, err := listIn(name, format)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				wrong = append(wrong, files.Problem{File: name, Object: "directory/" + o.Name, Message: err.Error()})
				break
			}
			b.Objects[i] = o.WithRows(rows)
			break
		}
	}
	return wrong
}

func listIn(name string, format v1alpha1.RowFormat) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.LimitReader(f, standInMost+1))
	if err == nil && len(body) > standInMost {
		err = fmt.Errorf("the rows are over %d MB", standInMost>>20)
	}
	if err != nil {
		return "", err
	}
	return source.CSV(format, body)
}
