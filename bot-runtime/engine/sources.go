package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/source"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// Fetch asks a source for its rows, unless they are as they were. mapping names the columns that matter.
type Fetch func(ctx context.Context, s v1alpha1.DirectorySource, mapping v1alpha1.DirectoryMapping, had source.Validators) (source.Fetched, error)

// fetchLease is how long a pod may take for one source; after it another pod tries.
const fetchLease = source.Timeout + 30*time.Second

// fetchAll asks the sources that are due. Whoever has a source's lease fetches it for all pods: what came goes into the store,
// and the current bundle is judged again with it.
func (e *Engine) fetchAll(ctx context.Context) (int, error) {
	sources := e.Live().sources
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if err := e.fetchOne(ctx, name, sources[name]); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func (e *Engine) fetchOne(ctx context.Context, name string, d v1alpha1.DirectorySpec) error {
	wish, origin := source.Wish(d)
	every, again := source.Every(d.Source)
	had, due, err := e.store.ClaimSource(ctx, store.SourceWish{Name: name, Origin: origin, Wish: wish, Every: every, Again: again, Lease: fetchLease})
	if err != nil || !due {
		return err
	}
	before := stateOf(had, origin)
	asked := before.Validators
	if had.Wish != wish {
		asked = source.Validators{}
	}
	got, failed := e.fetch(ctx, d.Source, d.Mapping, asked)
	step := source.Next(d, before, got, failed)
	state, err := json.Marshal(step.State)
	if err != nil {
		return fmt.Errorf("state of source %s: %w", name, err)
	}
	next := store.Source{Name: name, Origin: origin, Wish: wish, State: state, Failed: step.State.Failing != ""}
	if step.Rows != nil {
		next.Hash, next.Body = step.State.Hash, []byte(*step.Rows)
	}
	if err := e.store.SaveSource(ctx, next, step.Tell); err != nil {
		return err
	}
	if step.Tell {
		e.report.log.Info("a source brought news", "directory", name, "entries", step.State.Entries, "failing", step.State.Failing, "held", step.State.Held != nil)
		e.wakeConfig.raise()
	}
	return nil
}

// stateOf is what is remembered of a source; nothing when its rows come from elsewhere.
func stateOf(s store.Source, origin string) source.State {
	var state source.State
	if s.Origin != origin || json.Unmarshal(s.State, &state) != nil {
		return source.State{}
	}
	return state
}

// fetched puts the rows that were fetched into the Directories of a bundle, and drops what no Directory names any more. States
// are by the name of the Directory.
func (e *Engine) fetched(ctx context.Context, objects []bundle.Object) ([]bundle.Object, map[string]source.State, error) {
	all, err := e.store.Sources(ctx)
	if err != nil {
		return nil, nil, err
	}
	states := map[string]source.State{}
	var named []string
	objects = slices.Clone(objects)
	for i, o := range objects {
		if !isFetched(o) {
			continue
		}
		named = append(named, o.Name)
		_, origin := source.Wish(*o.Directory)
		at := slices.IndexFunc(all, func(s store.Source) bool { return s.Name == o.Name && s.Origin == origin })
		if at < 0 {
			continue
		}
		states[o.Name] = stateOf(all[at], origin)
		if len(all[at].Body) > 0 && all[at].Hash == states[o.Name].Hash {
			objects[i] = o.WithRows(string(all[at].Body))
		}
	}
	if slices.ContainsFunc(all, func(s store.Source) bool { return !slices.Contains(named, s.Name) }) {
		err = e.store.KeepSources(ctx, named)
	}
	return objects, states, err
}

// tellOfSources adds to the verdicts what became of fetching. An object is told of as the bundle has it, whatever its rows are.
func tellOfSources(verdicts []bundle.Verdict, asPut []bundle.Object, states map[string]source.State) {
	for i := range verdicts {
		v := &verdicts[i]
		v.Hash = asPut[i].Hash
		if !isFetched(asPut[i]) {
			continue
		}
		state := states[v.Name]
		v.ContentHash = state.Hash
		v.Findings = append(source.Findings(asPut[i].Directory.Source, state), v.Findings...)
		v.Findings = v.Findings[:min(len(v.Findings), bundle.MaxFindings)]
	}
}

func isFetched(o bundle.Object) bool {
	if o.Directory == nil {
		return false
	}
	_, _, ok := o.Directory.Source.Fetched()
	return ok
}

// sourcesOf are the Directories of a bundle whose rows are fetched.
func sourcesOf(objects []bundle.Object) map[string]v1alpha1.DirectorySpec {
	sources := map[string]v1alpha1.DirectorySpec{}
	for _, o := range objects {
		if isFetched(o) {
			sources[o.Name] = *o.Directory
		}
	}
	return sources
}
