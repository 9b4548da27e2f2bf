package whatsapp

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// The shapes of Meta's webhooks, as far as Loket reads them. Every part that may be of an unknown shape stays raw until its
// own turn, so that one odd message does not lose its neighbours.

type envelope struct {
	Entry []entry `json:"entry"`
}

type entry struct {
	ID      loose    `json:"id"`
	Changes []change `json:"changes"`
}

type change struct {
	Field string          `json:"field"`
	Value json.RawMessage `json:"value"`
}

// value is that of the fields messages and user_id_update.
type value struct {
	Metadata struct {
		PhoneNumberID loose `json:"phone_number_id"`
	} `json:"metadata"`
	Contacts     []json.RawMessage `json:"contacts"`
	Messages     []json.RawMessage `json:"messages"`
	Statuses     []json.RawMessage `json:"statuses"`
	UserIDUpdate []json.RawMessage `json:"user_id_update"`
	Errors       []json.RawMessage `json:"errors"`
}

type contact struct {
	Profile struct {
		Name     loose `json:"name"`
		Username loose `json:"username"`
	} `json:"profile"`
	WaID   loose `json:"wa_id"`
	UserID loose `json:"user_id"`
}

type incoming struct {
	From        loose           `json:"from"`
	FromUserID  loose           `json:"from_user_id"`
	GroupID     loose           `json:"group_id"`
	ID          loose           `json:"id"`
	Timestamp   loose           `json:"timestamp"`
	Type        loose           `json:"type"`
	Text        *textBody       `json:"text"`
	Image       *media          `json:"image"`
	Video       *media          `json:"video"`
	Audio       *media          `json:"audio"`
	Voice       *media          `json:"voice"`
	Document    *media          `json:"document"`
	Sticker     *media          `json:"sticker"`
	Location    *location       `json:"location"`
	Contacts    []sharedContact `json:"contacts"`
	Reaction    *reaction       `json:"reaction"`
	Button      *button         `json:"button"`
	Interactive *interactive    `json:"interactive"`
	Order       *order          `json:"order"`
	System      *system         `json:"system"`
	Edit        *edit           `json:"edit"`
}

type textBody struct {
	Body loose `json:"body"`
}

type media struct {
	ID       loose `json:"id"`
	Caption  loose `json:"caption"`
	Filename loose `json:"filename"`
	Voice    bool  `json:"voice"`
}

type location struct {
	Latitude  number `json:"latitude"`
	Longitude number `json:"longitude"`
	Name      loose  `json:"name"`
	Address   loose  `json:"address"`
}

type sharedContact struct {
	Name struct {
		FormattedName loose `json:"formatted_name"`
	} `json:"name"`
	Phones []struct {
		Phone loose `json:"phone"`
		WaID  loose `json:"wa_id"`
	} `json:"phones"`
	Origin loose `json:"origin"`
}

type reaction struct {
	Emoji loose `json:"emoji"`
}

type button struct {
	Payload loose `json:"payload"`
	Text    loose `json:"text"`
}

type interactive struct {
	Type        loose `json:"type"`
	ButtonReply *tap  `json:"button_reply"`
	ListReply   *tap  `json:"list_reply"`
	FormReply   *struct {
		Response loose `json:"response_json"`
	} `json:"nfm_reply"`
}

type tap struct {
	ID    loose `json:"id"`
	Title loose `json:"title"`
}

type order struct {
	Text loose `json:"text"`
}

type system struct {
	Body   loose `json:"body"`
	Type   loose `json:"type"`
	WaID   loose `json:"wa_id"`
	UserID loose `json:"user_id"`
}

type edit struct {
	Message struct {
		Text *textBody `json:"text"`
	} `json:"message"`
}

type idUpdate struct {
	WaID   loose `json:"wa_id"`
	UserID struct {
		Previous loose `json:"previous"`
		Current  loose `json:"current"`
	} `json:"user_id"`
	Timestamp loose `json:"timestamp"`
}

type status struct {
	ID        loose         `json:"id"`
	Status    loose         `json:"status"`
	Timestamp loose         `json:"timestamp"`
	Ref       loose         `json:"biz_opaque_callback_data"`
	Errors    []statusError `json:"errors"`
}

type statusError struct {
	Code      number `json:"code"`
	Title     loose  `json:"title"`
	Message   loose  `json:"message"`
	ErrorData struct {
		Details loose `json:"details"`
	} `json:"error_data"`
}

// loose is a string that may come as a number, or as something else, which then counts as absent.
type loose string

// UnmarshalJSON never fails.
func (l *loose) UnmarshalJSON(b []byte) error {
	*l = ""
	var s string
	if json.Unmarshal(b, &s) == nil {
		*l = loose(s)
		return nil
	}
	if n := bytes.TrimSpace(b); len(n) > 0 && (n[0] == '-' || n[0] >= '0' && n[0] <= '9') {
		*l = loose(n)
	}
	return nil
}

// number is one that may come as a string; anything else counts as 0.
type number float64

// UnmarshalJSON never fails.
func (n *number) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if err != nil || f != f || f > 1e15 || f < -1e15 {
		f = 0
	}
	*n = number(f)
	return nil
}
