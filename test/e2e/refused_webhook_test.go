//go:build e2e

package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func signature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// webhook is a text from a citizen as Meta sends it.
func webhook(waba, number, id, text string) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{"messaging_product":"whatsapp",`+
		`"metadata":{"display_phone_number":"6281100000157","phone_number_id":%q},"contacts":[{"profile":{"name":"Warga"},"user_id":"ID.1234567890","wa_id":"6281234567890"}],`+
		`"messages":[{"from":"6281234567890","from_user_id":"ID.1234567890","id":%q,"timestamp":"%d","type":"text","text":{"body":%q}}]}}]}]}`,
		waba, number, id, time.Now().Unix(), text)
}

func TestAWebhookThatIsNotOursIsRefusedAndNothingOfItIsStored(t *testing.T) {
	url := botURL(t, tenant) + "/hooks/wa"
	db, err := pgx.Connect(t.Context(), database(t, tenant))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context()) //nolint:errcheck // the test is over
	rows := func() (n int) {
		for _, table := range []string{"message", "seen", "inbox", "identity", "raw_event"} {
			var c int
			if err := db.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&c); err != nil {
				t.Fatal(err)
			}
			n += c
		}
		return n
	}
	secret := strings.TrimSpace(kubectl(t, "-n", tenant, "get", "secret", "ojk-wa", "-o", "go-template={{ .data.appSecret | base64decode }}"))
	const waba, number = "100157157157157", "200157157157157"
	ours := webhook(waba, number, "wamid.REFUSED", "halo")
	others := webhook("100999999999999", "200999999999999", "wamid.OTHERS", "halo")
	huge := ours[:len(ours)-1] + `,"x":"` + strings.Repeat("x", 5<<20) + `"}`
	before := rows()
	for name, c := range map[string]struct {
		body, signature string
		want            []int
	}{
		"no signature":                              {ours, "", []int{401, 403}},
		"a forged signature":                        {ours, signature("guess", ours), []int{401, 403}},
		"a body changed on the way":                 {strings.Replace(ours, "halo", "hola", 1), signature(secret, ours), []int{401, 403}},
		"a malformed body":                          {ours[:100], signature(secret, ours[:100]), []int{400}},
		"a body over the limit":                     {huge, signature(secret, huge), []int{413}},
		"another tenant's own valid":                {others, signature("count-app-secret", others), []int{401, 403}},
		"another account's, signed by the same app": {others, signature(secret, others), []int{400, 403, 404}},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader([]byte(c.body)))
			if err != nil {
				t.Fatal(err)
			}
			if c.signature != "" {
				req.Header.Set("X-Hub-Signature-256", c.signature)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			said, _ := io.ReadAll(res.Body)
			for _, want := range c.want {
				if res.StatusCode == want {
					t.Logf("%d %s", res.StatusCode, bytes.TrimSpace(said))
					return
				}
			}
			t.Fatalf("answered %d %s, want one of %v", res.StatusCode, said, c.want)
		})
	}
	if after := rows(); after != before {
		t.Fatalf("%d rows before, %d after", before, after)
	}
}
