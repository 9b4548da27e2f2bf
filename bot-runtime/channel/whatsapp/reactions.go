package whatsapp

import (
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// reactionTo is what one error code of Meta's means for the message and for the number.
type reactionTo struct {
	outcome store.SendOutcome
	// why is told to people: what is wrong and what mends it.
	why string
	// retry is when this message may be tried again; 0 with SendNotAccepted backs off by the number of attempts.
	retry time.Duration
	// pause of the whole number.
	pause time.Duration
	// stop pauses and makes the channel's health say why.
	stop bool
	// token: the access token is refused.
	token bool
	// halve the number's rate.
	halve bool
	// pair: this citizen alone waits 4^X seconds.
	pair bool
}

// stopFor is how long a number rests after Meta refused it as a whole: one message then tries anew.
const stopFor = 15 * time.Minute

func stopped(why string) reactionTo {
	return reactionTo{outcome: store.SendNotAccepted, why: why, pause: stopFor, retry: stopFor, stop: true}
}

func final(why string) reactionTo { return reactionTo{outcome: store.SendFailed, why: why} }

func later(why string, retry time.Duration) reactionTo {
	return reactionTo{outcome: store.SendNotAccepted, why: why, retry: retry}
}

// reactions by error.code, which alone decides: titles, subcodes and the HTTP status vary for the same error.
var reactions = map[int]reactionTo{
	0:   {outcome: store.SendNotAccepted, why: "the access token is refused; put a new one into the Secret", token: true},
	190: {outcome: store.SendNotAccepted, why: "the access token is expired or revoked; put a new one into the Secret", token: true},

	3:      stopped("the app lacks the capability to send; check its permissions at Meta"),
	10:     stopped("the app lacks the permission to send; give it whatsapp_business_messaging"),
	131005: stopped("the token has no access to this number; give it whatsapp_business_messaging"),
	368:    stopped("Meta blocks the account for a breach of policy; see its account quality page"),
	131031: stopped("Meta has locked the account; see its account quality page"),
	130497: stopped("Meta bars the account from writing to this country"),
	131042: stopped("there is no valid payment method; mend it in Meta's billing"),
	131037: stopped("the number's display name is not approved; mend it at Meta"),
	131045: stopped("the number's registration is broken; register it again"),
	133010: stopped("the number is not registered; register it"),
	133005: stopped("the two-step PIN is wrong; a person must set it"),
	133006: stopped("the number must be verified anew by a person"),
	133008: stopped("too many wrong PINs; a person must wait and try"),
	133009: stopped("the PIN was entered too fast; a person must try again"),
	133016: stopped("the number was registered too often within 72 hours; wait, then register it"),
	133015: {outcome: store.SendNotAccepted, why: "the number was deleted a moment ago", pause: 5 * time.Minute, retry: 5 * time.Minute},

	4:      {outcome: store.SendNotAccepted, why: "the app's limit of calls is reached", pause: time.Minute, retry: time.Minute},
	80007:  {outcome: store.SendNotAccepted, why: "the account's limit of calls is reached", pause: time.Minute, retry: time.Minute},
	130429: {outcome: store.SendNotAccepted, why: "the number's throughput is reached", pause: time.Second, retry: 2 * time.Second, halve: true},
	131056: {outcome: store.SendNotAccepted, why: "too many messages to this citizen in a short time", pair: true},
	131048: later("Meta limits the number for spam complaints; send nothing in bulk", 5*time.Minute),
	131064: final("templates are limited after a wrong category"),
	131049: later("Meta holds the message back for this citizen", 24*time.Hour),
	131057: {outcome: store.SendNotAccepted, why: "the number is in maintenance or being upgraded", pause: time.Minute, retry: time.Minute},

	131050: final("the citizen has stopped marketing messages"),
	131047: final("the 24-hour window is closed; only a template or a person by other means"),
	131026: final("the citizen cannot be reached on WhatsApp"),
	131021: final("a number cannot write to itself"),
	131030: final("the citizen is not on the test number's list of recipients"),
	131062: final("this kind of message needs the citizen's number, which is not known; ask for it"),
	131060: final("the message is unavailable to this citizen"),
	137000: final("the citizen's phone changed its keys; their identity must be proven anew"),

	1: final("Meta did not understand the request"), 33: final("the number's id is unknown or not accessible"),
	100: final("Meta did not accept a parameter"), 131008: final("Meta misses a parameter"),
	131009: final("Meta did not accept a parameter's value"), 131051: final("Meta does not support this type of message"),
	135000: final("Meta refused the message without a reason"),

	132000: final("the template's number of parameters does not match"), 132001: final("the template does not exist in this language"),
	132005: final("the filled-in template is too long"), 132007: final("the template breaks a policy"),
	132008: final("the template does not match"), 132012: final("a template parameter's format does not match"),
	132015: final("the template is paused"), 132016: final("the template is disabled"),
	132068: final("the WhatsApp Flow is blocked"), 132069: later("the WhatsApp Flow is throttled", 10*time.Minute),
	131061: final("the message must go by the marketing API"), 131063: final("marketing messages are off for this account"),
	131055: final("the marketing API does not take this message"),

	2: later("Meta has a temporary fault", 0), 133004: later("Meta's server is unavailable for now", 0),
	131000: later("Meta has an unnamed fault", 0), 131016: later("Meta's service is unavailable for now", 0),
	131052: later("Meta could not fetch the media", 0), 131053: later("Meta could not take the media", 0),
}

// reactionToCode finds the reaction; httpStatus decides for codes that nobody has told us of.
func reactionToCode(code, httpStatus int) reactionTo {
	if r, ok := reactions[code]; ok {
		return r
	}
	switch {
	case code >= 200 && code <= 299:
		return stopped("the app lacks a permission; check it at Meta")
	case code >= 134100 && code <= 134102:
		return final("the marketing API does not take this message")
	case code >= 138000 && code <= 139999, code >= 147001 && code <= 147004:
		return final("Meta refused this act")
	case httpStatus == 429 || httpStatus >= 500:
		return later("Meta refused for now", 0)
	}
	return final("Meta refused the message")
}
