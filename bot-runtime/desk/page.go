package desk

import (
	"net/http"

	"github.com/loket-dev/loket/bot-runtime/web"
)

// page serves the console. Everything under assets/ has its content's hash in its name; the page itself is asked for anew.
func (d *Desk) page(w http.ResponseWriter, r *http.Request, _ PoolInfo) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refuse(w, notFound)
		return
	}
	web.Serve(w, r, d.Assets, web.ConsolePage, r.PathValue("file"), web.NeverFramed)
}
