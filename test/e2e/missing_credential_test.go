//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAChannelWithoutItsCredentialSaysSoAndTheOthersServe(t *testing.T) {
	apply(t, `{apiVersion: loket.dev/v1alpha1, kind: Channel, metadata: {name: second, namespace: ojk},
		spec: {flow: kontak157, whatsapp: {phoneNumberID: "200157157157158", businessAccountID: "100157157157157", secretName: not-there}}}`)
	t.Cleanup(func() { deleteObject(t, tenant, "channel", "second") })
	eventually(t, time.Minute, func() string {
		status, reason, message := condition(t, tenant, "channel", "second", "Ready")
		if status != "False" || reason != "CredentialMissing" || !strings.Contains(message, "not-there") {
			return fmt.Sprintf("Ready is %q %s: %s", status, reason, message)
		}
		return ""
	})
	waitReady(t, tenant, "channel", "wa")
	waitReady(t, tenant, "channel", "web")
	if got := answer(t, "apakah Dana Mekar Jaya itu resmi kak?"); !strings.Contains(got, "berizin") {
		t.Fatalf("answered %q", got)
	}
	res, err := http.Get(botURL(t, tenant) + "/chat/web/") //nolint:noctx // a page
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("web chat answers %d", res.StatusCode)
	}
}
