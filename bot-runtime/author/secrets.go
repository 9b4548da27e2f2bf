package author

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/files"
)

// secretAdvice looks at the Secrets that stand in the files, if any do. What the cluster has of others is not known here, so all
// of it is advice; the database's Secret is mostly the platform's.
func (j judged) secretAdvice() []finding {
	if len(j.Secrets) == 0 {
		return nil
	}
	var out []finding
	advise := func(object, path, format string, args ...any) {
		file, line := j.At(object, path)
		out = append(out, finding{files.Problem{File: file, Line: line, Object: object, Path: path, Message: fmt.Sprintf(format, args...)}, true})
	}
	missing := func(object, path, secret string) bool {
		_, there := j.Secrets[secret]
		if !there {
			advise(object, path, "no Secret %q in these files; make it with kubectl create secret, or correct the name", secret)
		}
		return !there
	}
	for _, c := range j.Objects.Channels {
		w := c.Spec.WhatsApp
		if w == nil || missing("channel/"+c.Name, "whatsapp.secretName", string(w.SecretName)) {
			continue
		}
		for _, key := range []string{"accessToken", "appSecret", "verifyToken"} {
			if len(j.Secrets[string(w.SecretName)][key]) == 0 {
				advise("secret/"+string(w.SecretName), "", "key %s is missing; channel/%s needs it", key, c.Name)
			}
		}
	}
	for _, p := range j.Objects.Pools {
		name := string(p.Spec.Agents.SecretName)
		if missing("agentpool/"+p.Name, "agents.secretName", name) {
			continue
		}
		for _, agent := range slices.Sorted(maps.Keys(j.Secrets[name])) {
			if !argon2id.Match(j.Secrets[name][agent]) {
				advise("secret/"+name, "", "the value of %s is no argon2id hash, so that nobody can sign in with it; make it with bot-runtime hash-password", agent)
			}
		}
		named := func(agents []v1alpha1.AgentName, path string) {
			for i, agent := range agents {
				if _, there := j.Secrets[name][string(agent)]; !there {
					advise("agentpool/"+p.Name, fmt.Sprintf("%s[%d]", path, i), "no key %q in Secret %q, so that no such agent can sign in; add it, or correct the name", agent, name)
				}
			}
		}
		named(p.Spec.Agents.Supervisors, "agents.supervisors")
		for _, s := range p.Spec.Agents.Skills {
			named(s.Agents, fmt.Sprintf("agents.skills[%s].agents", s.Name))
		}
	}
	if pg := j.Objects.Tenant.Spec.Storage.Postgres; pg != nil {
		keys, there := j.Secrets[string(pg.SecretName)]
		if there && len(keys["uri"]) == 0 && (len(keys["host"]) == 0 || len(keys["dbname"]) == 0) {
			advise("secret/"+string(pg.SecretName), "", "neither key uri nor host and dbname; the tenant's database is found by them")
		}
	}
	return out
}

// argon2id is the form of what bot-runtime hash-password prints.
var argon2id = regexp.MustCompile(`^\$argon2id\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$`)
