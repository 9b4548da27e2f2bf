package judge

import (
	"runtime/debug"
	"sync"
	"time"
)

// Newness is how new this program is: the time of the commit that it was built from, in seconds since 1970, and 1 where the
// build does not say. A newer program may judge the same bundle otherwise, so it judges again; an older one, which serves on
// while an upgrade rolls, does not.
var Newness = sync.OnceValue(func() int64 {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return 1
	}
	return newness(info.Settings)
})

func newness(settings []debug.BuildSetting) int64 {
	for _, s := range settings {
		if s.Key == "vcs.time" {
			if at, err := time.Parse(time.RFC3339, s.Value); err == nil {
				return max(1, at.Unix())
			}
		}
	}
	return 1
}
