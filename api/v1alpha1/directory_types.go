package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Directory is a data set that flows and agents look institutions up in.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=directories,shortName=dir,categories=loket
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Entries",type=integer,JSONPath=`.status.entries`
// +kubebuilder:printcolumn:name="Rejected",type=integer,JSONPath=`.status.rejected`
// +kubebuilder:printcolumn:name="URL",type=string,priority=1,JSONPath=`.status.url`
// +kubebuilder:printcolumn:name="Why",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.contains('.') && self.metadata.name.size() <= 63",message="metadata.name must be at most 63 letters, digits and dashes, without dots: other objects name it"
type Directory struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              DirectorySpec `json:"spec"`
	// +optional
	Status DirectoryStatus `json:"status,omitempty"`
}

// DirectorySpec says where the rows are and what their columns mean.
type DirectorySpec struct {
	Source DirectorySource `json:"source"`
	// mapping names the column of each field.
	// +optional
	// +kubebuilder:default={}
	Mapping DirectoryMapping `json:"mapping,omitzero"`
	// public opens the look-up to everybody over HTTP, to read only: at status.url, with ?q= and what is asked.
	// +optional
	Public *PublicLookUp `json:"public,omitempty"`
}

// PublicLookUp is how a directory may be asked by everybody.
type PublicLookUp struct {
	// requestsPerMinute of one address at one pod; more are answered 429. An address may stand for many people: mobile networks
	// and offices share theirs.
	// +optional
	// +kubebuilder:default=60
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=6000
	RequestsPerMinute int32 `json:"requestsPerMinute,omitempty"`
}

// DirectorySource is exactly one place of rows: CSV with a header line, or what http or postgres names.
//
// +kubebuilder:validation:XValidation:rule="[has(self.inline), has(self.configMap), has(self.http), has(self.postgres)].filter(x, x).size() == 1",message="set exactly one of inline, configMap, http, postgres"
type DirectorySource struct {
	// inline is CSV in the object itself.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=131072
	Inline string `json:"inline,omitempty"`
	// +optional
	ConfigMap *ConfigMapKey `json:"configMap,omitempty"`
	// http is a list that the tenant's pods fetch by themselves, one for all; the last good one serves while that fails.
	// +optional
	HTTP *HTTPSource `json:"http,omitempty"`
	// postgres is a table or a view that the tenant's pods read by themselves, one for all; the last good list serves while that
	// fails.
	// +optional
	Postgres *PostgresSource `json:"postgres,omitempty"`
}

// HTTPSource is a list at a URL. It is asked for again at each interval, by ETag and Last-Modified where the server has them.
type HTTPSource struct {
	// url over https; plain http and private addresses only where the TenantClass's egress opens them.
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s@]+$`
	URL string `json:"url"`
	// format of the answer: csv with a header line, json (an array of objects), ndjson (an object a line). Compressed by gzip
	// or not.
	// +kubebuilder:default=csv
	Format RowFormat `json:"format,omitempty"`
	// secretName of a Secret of this namespace, for servers that ask who calls. Its key hosts says where it may be sent, a host
	// a line; authorization is the header's value, such as "Bearer …". The name begins with call-: no other Secret is read.
	// +optional
	SecretName CallSecretName `json:"secretName,omitempty"`
	Fetching   `json:",inline"`
}

// PostgresSource is a table or a view of a PostgreSQL database, of which only the mapped columns are read, and all rows that meet
// every condition of where.
type PostgresSource struct {
	// secretName of a Secret of this namespace. Its key uri is the connection, such as postgres://reader:password@db.example:5432/register;
	// without sslmode it is verify-full, and the key ca.crt, where it is there, names who may vouch for the server. Its key hosts says
	// where it may go, a host a line. The name begins with call-: no other Secret is read. The address and its port must be open in
	// the TenantClass's egress.
	SecretName CallSecretName `json:"secretName"`
	// relation is the table or view, as name or schema.name. A column of text[] is one of several values.
	// +kubebuilder:validation:MaxLength=127
	// +kubebuilder:validation:Pattern=`^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$`
	Relation string `json:"relation"`
	// where are conditions, all of which a row meets; without any, every row is read.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Where    []RowCondition `json:"where,omitempty"`
	Fetching `json:",inline"`
}

// RowCondition is met by the rows whose column has one of the values.
type RowCondition struct {
	// column of the relation, mapped or not. In one of text[], any of a row's values counts.
	Column Column `json:"column"`
	// in are the values, compared letter by letter with the column as text: true, 12, 2026-12-31. Empty columns (NULL) have none.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MaxLength=200
	In []string `json:"in"`
}

// Fetching is how often a list is asked for, and what of it may serve.
type Fetching struct {
	// interval between two looks, 1m to 168h; after one that failed it is 5m at most.
	// +optional
	// +kubebuilder:default="1h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}[hms]){1,3}$') && duration(self) >= duration('1m') && duration(self) <= duration('168h')",message="must be a time such as 1h, from 1m to 168h"
	Interval metav1.Duration `json:"interval,omitzero"`
	// maxMegabytes of a list, decompressed.
	// +optional
	// +kubebuilder:default=16
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	MaxMegabytes int32 `json:"maxMegabytes,omitempty"`
	// largestDropPercent of the entries may be missing in the next list; one that lacks more is held back until accept names it.
	// +optional
	// +kubebuilder:default=20
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	LargestDropPercent int32 `json:"largestDropPercent,omitempty"`
	// accept is the content hash of a list that was held back, as the finding gives it, and may serve.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{32}$`
	// +kubebuilder:validation:MaxLength=32
	Accept string `json:"accept,omitempty"`
}

// Fetched is how a source is fetched and the path of its field; ok is false where its rows are given.
func (s DirectorySource) Fetched() (how Fetching, path string, ok bool) {
	switch {
	case s.HTTP != nil:
		return s.HTTP.Fetching, "source.http", true
	case s.Postgres != nil:
		return s.Postgres.Fetching, "source.postgres", true
	}
	return how, "", false
}

// CallSecretName is the name of a Secret that is meant to be sent to others. No other Secret can be named where that is done.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^call-[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="must begin with call-: other Secrets are not sent to anybody"
type CallSecretName string

// RowFormat is how rows are written.
//
// +kubebuilder:validation:Enum=csv;json;ndjson
type RowFormat string

// The formats.
const (
	FormatCSV    RowFormat = "csv"
	FormatJSON   RowFormat = "json"
	FormatNDJSON RowFormat = "ndjson"
)

// ConfigMapKey is one key of a ConfigMap in the same namespace.
type ConfigMapKey struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key"`
}

// Column is the name in the header line.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
type Column string

// DirectoryMapping names columns. A column that holds several values separates them by semicolons.
type DirectoryMapping struct {
	// +kubebuilder:default=name
	Name Column `json:"name,omitempty"`
	// +kubebuilder:default=aliases
	Aliases Column `json:"aliases,omitempty"`
	// licence number
	// +kubebuilder:default=licence
	Licence Column `json:"licence,omitempty"`
	// type of institution, such as bank or insurer
	// +kubebuilder:default=type
	Type Column `json:"type,omitempty"`
	// status is licensed or illegal (a warning list); every row says which
	// +kubebuilder:default=status
	Status Column `json:"status,omitempty"`
	// +kubebuilder:default=sites
	Sites Column `json:"sites,omitempty"`
	// +kubebuilder:default=phones
	Phones Column `json:"phones,omitempty"`
	// +kubebuilder:default=emails
	Emails Column `json:"emails,omitempty"`
	// shown are columns of the agency's own, such as an address: kept with the entry as they are, shown by flows, desk and the public
	// look-up, and looked up by nothing.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	Shown []ShownColumn `json:"shown,omitempty"`
}

// ShownColumn is a column that is shown. Of a value no more than 500 bytes are kept.
type ShownColumn struct {
	// name by which flows read it, as found.shown.NAME.
	// +kubebuilder:validation:XValidation:rule="!(self in ['in', 'true', 'false', 'null'])",message="is a word of the expressions' own: choose another name"
	Name Variable `json:"name"`
	// column in the header line; the name where it is left out.
	// +optional
	Column Column `json:"column,omitempty"`
	// label for people, by language; the name where it is left out.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.all(language, self[language].size() <= 64)",message="at most 64 characters in a language"
	Label Text `json:"label,omitempty"`
}

// Of is the column in the header line.
func (s ShownColumn) Of() Column {
	if s.Column != "" {
		return s.Column
	}
	return Column(s.Name)
}

// DirectoryStatus counts rows.
type DirectoryStatus struct {
	Verdict `json:",inline"`
	// entries that are served.
	// +optional
	Entries int32 `json:"entries"`
	// rejected rows of the newest revision that was judged; the findings name the first of them.
	// +optional
	Rejected int32 `json:"rejected"`
	// contentHash of the rows that were judged last, where they are fetched: the same on every pod.
	// +optional
	ContentHash string `json:"contentHash,omitempty"`
	// url of the look-up, where it is public.
	// +optional
	URL string `json:"url,omitempty"`
}

// DirectoryList is a list of directories.
//
// +kubebuilder:object:root=true
type DirectoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Directory `json:"items"`
}
