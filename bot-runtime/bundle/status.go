package bundle

import "time"

// Finding is one thing wrong in an object, with the mend. Path is within the object's spec.
type Finding struct {
	Path    string `json:"path"`
	Node    string `json:"node,omitempty"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// Advice does not refuse the object: it is told, and the object serves.
	Advice bool `json:"advice,omitempty"`
}

// MaxFindings an object, in a status.
const MaxFindings = 20

// Verdict is the judgement of one object of a bundle.
type Verdict struct {
	Kind       Kind   `json:"kind"`
	Name       string `json:"name"`
	Hash       string `json:"hash"`
	Generation int64  `json:"generation"`
	// Good objects serve; a refused one keeps its last good revision.
	Good bool `json:"good"`
	// LiveGeneration is the generation that serves; 0 when none ever did.
	LiveGeneration int64     `json:"liveGeneration"`
	Findings       []Finding `json:"findings,omitempty"`
	// Entries and Rejected of a Directory; Entries and Expired of Knowledge.
	Entries  int `json:"entries,omitempty"`
	Rejected int `json:"rejected,omitempty"`
	Expired  int `json:"expired,omitempty"`
	// ContentHash of the rows of a Directory that are fetched.
	ContentHash string `json:"contentHash,omitempty"`
	// Nodes, TestsPassed and TestsAll of a DialogFlow.
	Nodes       int `json:"nodes,omitempty"`
	TestsPassed int `json:"testsPassed,omitempty"`
	TestsAll    int `json:"testsAll,omitempty"`
}

// Health is how a channel does, as the pods that serve it see it.
type Health struct {
	Channel string `json:"channel"`
	OK      bool   `json:"ok"`
	// Reason is a reason of package v1alpha1, such as CredentialMissing; Message names the mend. Never a secret.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// UnsettledSince is when the oldest of the messages went out of which the platform should have told by now whether they
	// arrived, and has not; nil where there is none.
	UnsettledSince *time.Time `json:"unsettledSince,omitempty"`
}

// Pool is a pool's backlog. Arrived and Finished only rise.
type Pool struct {
	Name             string  `json:"name"`
	WaitingForWorker int     `json:"waitingForWorker"`
	WaitingForAgent  int     `json:"waitingForAgent"`
	Active           int     `json:"active"`
	Agents           int     `json:"agents"`
	Arrived          int64   `json:"arrived"`
	Finished         int64   `json:"finished"`
	OldestWaiting    float64 `json:"oldestWaitingSeconds"`
}

// Inbox is what waits for the bot: conversations with something to step, and for how long the oldest has been due. A conversation
// that waits on purpose, for a timer or another try, is not due.
type Inbox struct {
	Due    int     `json:"due"`
	Oldest float64 `json:"oldestSeconds"`
}

// Coarse is an Inbox as far as it is news: a bot at work always has a few conversations for a moment.
func (i Inbox) Coarse() Inbox {
	const few, seconds = 10, 2
	return Inbox{Due: i.Due / few * few, Oldest: float64(int(i.Oldest) / seconds * seconds)}
}

// Waits says that more waits than a moment's work.
func (i Inbox) Waits() bool { return i.Coarse() != Inbox{} }

// Status is what any one pod tells of the whole tenant: GET /internal/v1/status?since=<etag>.
//
// The call answers at once when ETag differs from since, else when something worth acting on changed, else after Promise.
type Status struct {
	// ETag is of the content, the same on every pod; counts of pools are part of it.
	ETag string `json:"etag"`
	// Desired is the hash of the newest bundle that was put, Applied that of the newest judged one.
	Desired string `json:"desired"`
	Applied string `json:"applied"`
	// PodsOnApplied of Pods run what is applied.
	Pods          int `json:"pods"`
	PodsOnApplied int `json:"podsOnApplied"`
	// Durability as package store names it.
	Durability string    `json:"durability"`
	Verdicts   []Verdict `json:"verdicts,omitempty"`
	Channels   []Health  `json:"channels,omitempty"`
	Pools      []Pool    `json:"pools,omitempty"`
	// Inbox is nil from a runtime that does not tell it; as far as it is news it is part of the ETag.
	Inbox *Inbox `json:"inbox,omitempty"`
	// Now is the database's time; PromiseSeconds is within what time the next answer comes at the latest.
	Now            time.Time `json:"now"`
	PromiseSeconds float64   `json:"promiseSeconds"`
	// StoreError says why the store cannot be reached; everything else but pods is then as last known.
	StoreError string `json:"storeError,omitempty"`
}

// The long poll's promises.
const (
	// PromiseBusy while a pool has waiting or active conversations, or more waits for the bot than a moment's work.
	PromiseBusy = 2 * time.Second
	// PromiseIdle otherwise.
	PromiseIdle = 50 * time.Second
)

// Paths of the internal endpoint, on a port that only operator and monitoring reach.
const (
	PathBundle = "/internal/v1/bundle" // PUT, gzip JSON of Envelope, If-Match: <previous hash> ("" quoted for the first); 202
	PathStatus = "/internal/v1/status" // GET
)

// Ports of a tenant's pods.
const (
	PortPublic   = 8080 // webhooks, web chat, desk
	PortInternal = 8081 // internal endpoint, /metrics, /healthz, /readyz
)

// Boot is the small ConfigMap (key boot.json) that every pod of a tenant mounts at BootFile.
type Boot struct {
	TenantUID string `json:"tenantUID"`
	Namespace string `json:"namespace"`
	Tenant    string `json:"tenant"`
	// Keys are the public halves that operators sign with, by key id; several during a rotation.
	Keys map[string][]byte `json:"keys"` // Ed25519, 32 bytes
	// WhatsAppAPI is the Graph API's base with version.
	WhatsAppAPI string `json:"whatsappAPI"`
	// PublicURL of the bot; DeskURLs by pool. Empty when not known yet.
	PublicURL string            `json:"publicURL,omitempty"`
	DeskURLs  map[string]string `json:"deskURLs,omitempty"`
	// Egress lists private destinations that the runtime may dial.
	Egress []EgressRule `json:"egress,omitempty"`
}

// EgressRule opens ports of one range for the dial guard.
type EgressRule struct {
	CIDR  string  `json:"cidr"`
	Ports []int32 `json:"ports"`
}

// Where a pod finds what is mounted. Credentials are optional volumes: the pod reports what is missing.
const (
	BootFile    = "/etc/loket/boot/boot.json"
	StoreDir    = "/etc/loket/store"    // the postgres Secret, a file a key
	ChannelsDir = "/etc/loket/channels" // <channel>/<key of its Secret>
	CallsDir    = "/etc/loket/calls"    // <Secret>/<key>: where calls and sources may go, and with what
	AgentsDir   = "/etc/loket/agents"   // <pool>/<agent>: argon2id hash
	DataDir     = "/var/lib/loket"      // embedded storage
)
