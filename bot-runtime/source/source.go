// Package source fetches the rows of a Directory, over HTTP(S) or from PostgreSQL, and decides whether what came may serve.
//
// Fetch asks once; Next says what follows from the answer, and is pure. Who asks when, that one pod does so for all, and where
// rows are kept is the engine's and the store's.
package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/outbound"
)

// Bounds where a source names none.
const (
	defaultMegabytes = 16
	defaultDrop      = 20 // per cent
	defaultInterval  = time.Hour
	afterFailure     = 5 * time.Minute
	// Timeout of a fetch, from its start to the last byte.
	Timeout = 90 * time.Second
)

// Fetcher asks for rows. It is safe for concurrent use.
type Fetcher struct {
	// Client makes the one guarded client, with a bound of bytes for an answer, decompressed, and of time.
	Client func(maxBytes int64, timeout time.Duration) *outbound.Client
	// SecretsDir has a folder for each Secret that sources name, with a file a key.
	SecretsDir string
}

// Validators are what a server told of the rows that it sent last.
type Validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
}

// Fetched is one answer.
type Fetched struct {
	// Same: the server says that nothing changed since the validators.
	Same bool
	// Rows are CSV with a header line, whatever the format was.
	Rows string
	Validators
}

// Every is how long after a good try, and Again how long after a failed one, a source is asked again.
func Every(s v1alpha1.DirectorySource) (every, again time.Duration) {
	how, _, _ := s.Fetched()
	every = how.Interval.Duration
	if every <= 0 {
		every = defaultInterval
	}
	return every, min(every, afterFailure)
}

// Fetch asks for the rows unless they are as they were; mapping names the columns that matter. Its error is for people, and holds nothing of the URL but the host, and
// nothing of a secret.
func (f *Fetcher) Fetch(ctx context.Context, s v1alpha1.DirectorySource, mapping v1alpha1.DirectoryMapping, had Validators) (Fetched, error) {
	switch {
	case s.HTTP != nil:
		return f.overHTTP(ctx, *s.HTTP, had)
	case s.Postgres != nil:
		return f.fromPostgres(ctx, *s.Postgres, mapping)
	}
	return Fetched{}, errors.New("the source names nothing to fetch; set source.http or source.postgres")
}

func (f *Fetcher) overHTTP(ctx context.Context, s v1alpha1.HTTPSource, had Validators) (Fetched, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return Fetched{}, errors.New("the URL cannot be parsed; correct source.http.url")
	}
	if s.SecretName != "" {
		value, err := outbound.Authorization(f.SecretsDir, string(s.SecretName), r.URL)
		if err != nil {
			return Fetched{}, err
		}
		r.Header.Set("Authorization", value)
	}
	if had.ETag != "" {
		r.Header.Set("If-None-Match", had.ETag)
	}
	if had.LastModified != "" {
		r.Header.Set("If-Modified-Since", had.LastModified)
	}
	most := mostBytes(s.Fetching)
	client := f.Client(most, Timeout)
	defer client.CloseIdle()
	answer, err := client.Do(ctx, r)
	if err != nil {
		var e *outbound.Error
		if errors.As(err, &e) && e.Kind == outbound.TooLarge {
			return Fetched{}, fmt.Errorf("the list is larger than %d MB; raise source.http.maxMegabytes", most>>20)
		}
		return Fetched{}, err
	}
	switch answer.Status {
	case http.StatusOK:
	case http.StatusNotModified:
		return Fetched{Same: true, Validators: had}, nil
	default:
		return Fetched{}, fmt.Errorf("%s answered %d %s", r.URL.Host, answer.Status, http.StatusText(answer.Status))
	}
	body, err := unzipped(answer.Body, most)
	if err != nil {
		return Fetched{}, err
	}
	rows, err := CSV(s.Format, body)
	if err != nil {
		return Fetched{}, err
	}
	return Fetched{Rows: rows, Validators: Validators{ETag: answer.Header.Get("ETag"), LastModified: answer.Header.Get("Last-Modified")}}, nil
}

func mostBytes(how v1alpha1.Fetching) int64 {
	if how.MaxMegabytes <= 0 {
		return defaultMegabytes << 20
	}
	return int64(how.MaxMegabytes) << 20
}

// unzipped undoes gzip where the file itself is compressed; what the transport compressed is plain already.
func unzipped(body []byte, most int64) ([]byte, error) {
	if !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the list begins as gzip and is none")
	}
	plain, err := io.ReadAll(io.LimitReader(z, most+1))
	switch {
	case err != nil:
		return nil, errors.New("the list is gzip that is broken or cut off")
	case int64(len(plain)) > most:
		return nil, fmt.Errorf("the list is larger than %d MB when decompressed; raise source.http.maxMegabytes", most>>20)
	}
	return plain, nil
}

// Hash of rows, as a status shows it.
func Hash(rows string) string {
	sum := sha256.Sum256([]byte(rows))
	return hex.EncodeToString(sum[:16])
}

// Wish is everything of a Directory that decides what is fetched, or whether it may serve. Origin is where it comes from: rows
// of another origin are never compared.
func Wish(d v1alpha1.DirectorySpec) (wish, origin string) {
	body, err := json.Marshal(d)
	if err != nil {
		panic(err) // plain data of our own types: cannot fail
	}
	if pg := d.Source.Postgres; pg != nil {
		from := "postgres " + string(pg.SecretName) + " " + pg.Relation
		if len(pg.Where) > 0 {
			where, err := json.Marshal(pg.Where)
			if err != nil {
				panic(err) // as above
			}
			from += " " + string(where)
		}
		return Hash(string(body)), Hash(from)
	}
	return Hash(string(body)), Hash(d.Source.HTTP.URL)
}
