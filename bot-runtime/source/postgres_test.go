package source

import (
	"context"
	"encoding/csv"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/outbound"
	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
)

// register is a database of an agency, and a fetcher whose platform has opened its address.
type register struct {
	*testing.T
	uri   string
	fetch *Fetcher
}

func newRegister(t *testing.T, statements ...string) *register {
	t.Helper()
	r := &register{T: t, uri: pgtest.Database(t)}
	r.run(statements...)
	u, err := url.Parse(r.uri)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	r.fetch = &Fetcher{SecretsDir: t.TempDir(), Client: func(most int64, timeout time.Duration) *outbound.Client {
		return outbound.New(outbound.Options{MaxBytes: most, Timeout: timeout,
			Allow: []outbound.Rule{{Prefix: netip.MustParsePrefix("127.0.0.1/32"), Ports: []uint16{uint16(port)}}}})
	}}
	r.secret(map[string]string{"uri": r.plain(), "hosts": u.Hostname()})
	return r
}

// plain is the uri that says itself that there is no TLS.
func (r *register) plain() string {
	if strings.Contains(r.uri, "sslmode=") {
		return r.uri
	}
	if strings.Contains(r.uri, "?") {
		return r.uri + "&sslmode=disable"
	}
	return r.uri + "?sslmode=disable"
}

func (r *register) run(statements ...string) {
	r.Helper()
	conn, err := pgx.Connect(context.Background(), r.uri)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, s := range statements {
		if _, err := conn.Exec(context.Background(), s); err != nil {
			r.Fatalf("%s: %v", s, err)
		}
	}
}

func (r *register) secret(keys map[string]string) {
	r.Helper()
	dir := filepath.Join(r.fetch.SecretsDir, "call-register")
	if err := os.RemoveAll(dir); err != nil {
		r.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		r.Fatal(err)
	}
	for key, value := range keys {
		if err := os.WriteFile(filepath.Join(dir, key), []byte(value), 0o600); err != nil {
			r.Fatal(err)
		}
	}
}

func (r *register) ask(relation string, change func(*v1alpha1.Directory)) (Fetched, v1alpha1.DirectoryMapping, error) {
	r.Helper()
	d := v1alpha1.Directory{Spec: v1alpha1.DirectorySpec{Source: v1alpha1.DirectorySource{
		Postgres: &v1alpha1.PostgresSource{SecretName: "call-register", Relation: relation}}}}
	d.Default()
	if change != nil {
		change(&d)
	}
	got, err := r.fetch.Fetch(r.Context(), d.Spec.Source, d.Spec.Mapping, Validators{})
	return got, d.Spec.Mapping, err
}

func TestAViewOfADatabaseIsADirectory(t *testing.T) {
	r := newRegister(t, `CREATE SCHEMA public_register`,
		`CREATE TABLE licensed (id int, nama text, alias text[], izin text, "Status" text, situs text, rahasia text)`,
		`INSERT INTO licensed VALUES (2, 'PT Dana, "Mekar" Jaya', '{Dana Mekar,DMJ}', 'KEP-12', 'licensed', 'danamekar.example', 'nomor pribadi'),
			(1, 'Bank Nusa', NULL, 'KEP-03', 'licensed', NULL, 'x'), (3, 'Pinjam Kilat', '{}', NULL, 'illegal', NULL, 'x')`,
		`CREATE VIEW public_register.institutions AS SELECT nama, alias, izin, "Status" AS status, situs, rahasia FROM licensed`)
	mapped := func(d *v1alpha1.Directory) {
		d.Spec.Mapping.Name, d.Spec.Mapping.Aliases, d.Spec.Mapping.Licence, d.Spec.Mapping.Sites = "nama", "alias", "izin", "situs"
	}
	got, mapping, err := r.ask("public_register.institutions", mapped)
	if err != nil {
		t.Fatal(err)
	}
	want := `nama,alias,izin,status,situs
Bank Nusa,,KEP-03,licensed,
"PT Dana, ""Mekar"" Jaya",Dana Mekar;DMJ,KEP-12,licensed,danamekar.example
Pinjam Kilat,,,illegal,
`
	if diff := cmp.Diff(want, got.Rows); diff != "" {
		t.Errorf("the rows (-want +got):\n%s", diff)
	}
	index, rejected, findings := directory.Build(got.Rows, mapping)
	if index == nil || rejected != 0 {
		t.Fatalf("%d rejected: %v", rejected, findings)
	}
	for text, outcome := range map[string]directory.Outcome{"DMJ": directory.Exact, "pinjam kilat": directory.ListedIllegal} {
		if a := index.Ask(text); a.Outcome != outcome {
			t.Errorf("%s: %s, want %s", text, a.Outcome, outcome)
		}
	}

	r.run(`UPDATE licensed SET rahasia = 'anders' WHERE id = 1`, `VACUUM FULL licensed`)
	again, _, err := r.ask("public_register.institutions", mapped)
	if err != nil || Hash(again.Rows) != Hash(got.Rows) {
		t.Errorf("rows that only moved have another hash (%v)", err)
	}
}

func TestARegisterMayBeAPartOfATableAndShowMoreOfIt(t *testing.T) {
	r := newRegister(t, `CREATE TYPE sector AS ENUM ('bank', 'fintech', 'insurer')`,
		`CREATE TABLE things (name text, status text, sector sector, active bool, tags text[], since date, alamat text, "odd "" name" int)`,
		`INSERT INTO things VALUES ('Bank Nusa', 'licensed', 'bank', true, '{old,jakarta}', '1998-05-21', E'Jl. Melati 1\n10110 "Jakarta"', 1),
			('PT Dana Mekar', 'licensed', 'fintech', true, '{new}', NULL, NULL, 2), ('PT Dana Lama', 'licensed', 'fintech', false, '{new}', NULL, '', 3),
			('Asuransi Bahtera', 'licensed', 'insurer', true, NULL, NULL, NULL, NULL), ('O''Brien; DROP TABLE things', 'licensed', 'bank', NULL, NULL, NULL, NULL, 4)`)
	in := func(column string, values ...string) v1alpha1.RowCondition {
		return v1alpha1.RowCondition{Column: v1alpha1.Column(column), In: values}
	}
	for _, c := range []struct {
		where []v1alpha1.RowCondition
		want  []string
	}{
		{nil, []string{"Asuransi Bahtera", "Bank Nusa", "O'Brien; DROP TABLE things", "PT Dana Lama", "PT Dana Mekar"}},
		{[]v1alpha1.RowCondition{in("sector", "bank", "fintech"), in("active", "true")}, []string{"Bank Nusa", "PT Dana Mekar"}},
		{[]v1alpha1.RowCondition{in("tags", "jakarta", "elsewhere")}, []string{"Bank Nusa"}},
		{[]v1alpha1.RowCondition{in("since", "1998-05-21")}, []string{"Bank Nusa"}},
		{[]v1alpha1.RowCondition{in(`odd " name`, "2", "3")}, []string{"PT Dana Lama", "PT Dana Mekar"}},
		{[]v1alpha1.RowCondition{in("name", "O'Brien; DROP TABLE things", `x' OR '1'='1`, "}", `\`)}, []string{"O'Brien; DROP TABLE things"}},
		{[]v1alpha1.RowCondition{in("sector", "no such value")}, nil},
	} {
		got, _, err := r.ask("things", func(d *v1alpha1.Directory) { d.Spec.Source.Postgres.Where = c.where })
		if err != nil {
			t.Errorf("%v: %v", c.where, err)
			continue
		}
		rows, err := csv.NewReader(strings.NewReader(got.Rows)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, row := range rows[1:] {
			names = append(names, row[0])
		}
		slices.Sort(names)
		if diff := cmp.Diff(c.want, names); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.where, diff)
		}
	}
	for _, c := range []struct{ column, want string }{
		{"region", `relation things has no column "region"; correct source.postgres.where[0].column`},
		{`name" = '' OR 1=1 --`, "has no column"},
	} {
		if _, _, err := r.ask("things", func(d *v1alpha1.Directory) {
			d.Spec.Source.Postgres.Where = []v1alpha1.RowCondition{in(c.column, "x")}
		}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.column, err)
		}
	}

	got, mapping, err := r.ask("things", func(d *v1alpha1.Directory) {
		d.Spec.Mapping.Shown = []v1alpha1.ShownColumn{{Name: "address", Column: "alamat", Label: v1alpha1.Text{"id": "Alamat"}}, {Name: "since"}, {Name: "active"}}
	})
	if err != nil {
		t.Fatal(err)
	}
	index, _, findings := directory.Build(got.Rows, mapping)
	if index == nil {
		t.Fatal(findings)
	}
	want := []directory.Fact{{Name: "address", Label: map[string]string{"id": "Alamat"}, Value: "Jl. Melati 1\n10110 \"Jakarta\""}, {Name: "since", Value: "1998-05-21"}, {Name: "active", Value: "true"}}
	if diff := cmp.Diff(want, index.Ask("bank nusa").Entries[0].Shown); diff != "" {
		t.Errorf("what is shown (-want +got):\n%s", diff)
	}
	want = []directory.Fact{{Name: "active", Value: "true"}}
	if diff := cmp.Diff(want, index.Ask("asuransi bahtera").Entries[0].Shown); diff != "" {
		t.Errorf("of one that has little (-want +got):\n%s", diff)
	}
}

func TestWhatIsWrongWithADatabaseIsToldWithoutItsSecret(t *testing.T) {
	r := newRegister(t, `CREATE TABLE institutions (name text, status text)`, `INSERT INTO institutions VALUES ('Bank Nusa', 'licensed')`,
		`CREATE TABLE other (n int)`, `CREATE TABLE large AS SELECT repeat(md5(i::text), 100) AS name, 'licensed' AS status FROM generate_series(1, 700) i`)
	u, err := url.Parse(r.plain())
	if err != nil {
		t.Fatal(err)
	}
	withUser := func(user *url.Userinfo) string { v := *u; v.User = user; return v.String() }
	without := func(key string) string {
		v := *u
		q := v.Query()
		q.Del(key)
		v.RawQuery = q.Encode()
		return v.String()
	}
	at := func(host string) string { v := *u; v.Host = host; return v.String() }
	here := u.Hostname()
	for _, c := range []struct {
		what, relation string
		keys           map[string]string
		want           string
	}{
		{"no Secret", "institutions", nil, "has no key uri"},
		{"another kind of uri", "institutions", map[string]string{"uri": "mysql://u:s3cret@" + here, "hosts": here}, "must be such as postgres://"},
		{"a uri that is none", "institutions", map[string]string{"uri": "postgres://u:s3cret@h:port/x", "hosts": here}, "must be such as postgres://"},
		{"a host that the Secret does not name", "institutions", map[string]string{"uri": r.plain(), "hosts": "db.example"}, "key hosts does not name it"},
		{"two hosts", "institutions", map[string]string{"uri": at(here + ":1," + here + ":2"), "hosts": here}, "names several hosts; name one"},
		{"an address that the platform has not opened", "institutions", map[string]string{"uri": at("127.0.0.2:5432"), "hosts": "127.0.0.2"}, "the platform can open it in the TenantClass's egress"},
		{"a wrong user", "institutions", map[string]string{"uri": withUser(url.UserPassword("nobody", "s3cret")), "hosts": here}, "refuses the sign-in"},
		{"no TLS, and none was waived", "institutions", map[string]string{"uri": without("sslmode"), "hosts": here}, "speaks no TLS"},
		{"no such relation", "nowhere.institutions", map[string]string{"uri": r.plain(), "hosts": here}, "there is no relation nowhere.institutions"},
		{"a relation of other things", "other", map[string]string{"uri": r.plain(), "hosts": here}, "none of the mapped columns"},
		{"too many rows", "large", map[string]string{"uri": r.plain(), "hosts": here}, "raise source.postgres.maxMegabytes"},
	} {
		t.Run(c.what, func(t *testing.T) {
			r.secret(c.keys)
			_, _, err := r.ask(c.relation, func(d *v1alpha1.Directory) { d.Spec.Source.Postgres.MaxMegabytes = 1 })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			for _, secret := range []string{"s3cret", "nobody"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("it tells %q: %v", secret, err)
				}
			}
		})
	}
}

func TestADatabaseIsOnlyRead(t *testing.T) {
	r := newRegister(t, `CREATE TABLE seen (at timestamptz)`,
		`CREATE FUNCTION peek() RETURNS text LANGUAGE plpgsql AS $$BEGIN INSERT INTO seen VALUES (now()); RETURN 'Bank Nusa'; END$$`,
		`CREATE VIEW institutions AS SELECT peek() AS name, 'licensed' AS status`)
	if _, _, err := r.ask("institutions", nil); err == nil || !strings.Contains(err.Error(), "SQLSTATE 25006") {
		t.Errorf("a view that writes: %v, want a refusal of the read-only transaction", err)
	}
}

func TestARelationIsANameAndNothingElse(t *testing.T) {
	r := newRegister(t, `CREATE TABLE "a; DROP TABLE b" (name text, status text)`, `CREATE TABLE b (name text, status text)`, `INSERT INTO b VALUES ('Bank Nusa', 'licensed')`)
	// The CRD refuses such a name; an object may be older than the rule.
	if _, _, err := r.ask(`a; DROP TABLE b`, nil); err != nil {
		t.Error(err)
	}
	if got, _, err := r.ask("b", nil); err != nil || !strings.Contains(got.Rows, "Bank Nusa") {
		t.Errorf("%v %v", got, err)
	}
}
