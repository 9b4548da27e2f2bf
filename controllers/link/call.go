package link

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

const (
	// statusBytes is read of a status, and findingBytes more for each finding that an object may have.
	statusBytes  = 64 << 10
	findingBytes = 2 << 10
	// refusalBytes is read of an answer that says no.
	refusalBytes = 512
)

// errConflict: the runtime has another bundle than the one that was thought to be there.
var errConflict = errors.New("the runtime has another bundle than expected")

// errUndelivered: the runtime took too long over a bundle. It is a timeout, though its type does not tell.
var errUndelivered = errors.New("the bundle could not be delivered within 30 s")

// refusal is an answer of the runtime that says no.
type refusal struct {
	code int
	text string
}

func (r refusal) Error() string {
	return fmt.Sprintf("the runtime answers %d: %s", r.code, r.text)
}

// put brings a bundle down, in place of the one with the hash previous.
func (l *Links) put(ctx context.Context, t Target, previous string) error {
	body, err := pack(t.Envelope)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 6*dialTimeout, errUndelivered)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+t.Address+bundle.PathBundle, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("addressing the runtime: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip")
	r.Header.Set("If-Match", `"`+previous+`"`)
	answer, err := l.send(r, t, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusAccepted:
		return nil
	case http.StatusConflict, http.StatusPreconditionFailed:
		return errConflict
	default:
		return refused(answer)
	}
}

// status asks what is new since an ETag.
func (l *Links) status(ctx context.Context, t Target, since string) (*bundle.Status, error) {
	address := "http://" + t.Address + bundle.PathStatus + "?since=" + url.QueryEscape(since)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("addressing the runtime: %w", err)
	}
	answer, err := l.send(r, t, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, refused(answer)
	}
	limit := statusBytes + int64(len(t.Envelope.Bundle.Objects))*bundle.MaxFindings*findingBytes
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, refusal{answer.StatusCode, fmt.Sprintf("a status of more than %d bytes, which nobody reads", limit)}
	}
	status := &bundle.Status{}
	if err := json.Unmarshal(body, status); err != nil {
		return nil, refusal{answer.StatusCode, "a status that is not JSON as agreed"}
	}
	clean(status)
	return status, nil
}

func (l *Links) send(r *http.Request, t Target, body []byte) (*http.Response, error) {
	now := l.now()
	id, key := t.Signer(now)
	if err := bundle.Sign(r, body, t.UID, id, key, now); err != nil {
		return nil, err
	}
	return l.client.Do(r)
}

func pack(e bundle.Envelope) ([]byte, error) {
	plain, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("packing the bundle: %w", err)
	}
	if len(plain) > bundle.MaxBytes {
		return nil, refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf(
			"the namespace's objects make a bundle of %d bytes, at most %d are possible; make Directories smaller", len(plain), bundle.MaxBytes)}
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("packing the bundle: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("packing the bundle: %w", err)
	}
	return b.Bytes(), nil
}

func refused(answer *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, refusalBytes)) // a part is better than nothing
	return refusal{answer.StatusCode, oneLine(string(text), refusalBytes)}
}

// faultOf puts an error in words for a condition: the address is told there, so url.Error's is left out.
func faultOf(err error) Fault {
	var answered refusal
	var netErr net.Error
	var inURL *url.Error
	f := Fault{}
	switch {
	case errors.As(err, &answered):
		f.Answered, f.Busy, f.Message = true, answered.code == http.StatusServiceUnavailable, answered.Error()
		return f
	case errors.Is(err, errSilent), errors.Is(err, errUndelivered), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &netErr) && netErr.Timeout():
		f.Timeout = true
	}
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	var op *net.OpError
	if errors.As(err, &op) { // ports and addresses differ from try to try, and a status must not
		err = op.Err
	}
	f.Message = oneLine(strings.TrimSpace(err.Error()), 256)
	return f
}
