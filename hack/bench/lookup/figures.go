package lookup

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Figure is one number of a measurement that a bound may hold.
type Figure struct {
	Name  string
	Value float64
	Unit  string
}

// Whole joins the rows of all classes.
func Whole(rows []Row) Row {
	out := Row{Kind: "ALL"}
	for _, r := range rows {
		if len(r.Kind) > 4 && r.Kind[:4] == "ALL " {
			out.N += r.N
			out.ns = append(out.ns, r.ns...)
			out.wall = append(out.wall, r.wall...)
		}
	}
	slices.Sort(out.ns)
	slices.Sort(out.wall)
	return out
}

// Figures are what the bars are set for.
func Figures(rows []Row, cost Cost) []Figure {
	var out []Figure
	add := func(name string, value float64, unit string) { out = append(out, Figure{name, value, unit}) }
	worst, worstHard := 100.0, 100.0
	addedLicensed, foreignLicensed := 0, 0
	for _, r := range rows {
		switch r.Kind {
		case "ALL genuine":
			add("right first", r.Share(r.First), "%")
			add("called licensed and right", r.Share(r.Right), "%")
			add("licensed but wrong", r.Share(r.Wrong), "%")
			add("typos called exact", float64(r.Exact), "")
		case "ALL fake":
			add("fakes called licensed", r.Share(r.Licensed), "%")
			add("fakes warned of", r.Share(r.Warned), "%")
		case "ALL illegal":
			add("illegal called licensed", float64(r.Licensed), "")
			add("illegal warned of", r.Share(r.Warned), "%")
		case "ALL absent":
			add("absent called licensed", r.Share(r.Licensed), "%")
		case "ALL talk":
			add("alarms on plain talk", r.Share(r.Warned+r.Licensed), "%")
		default:
			switch {
			case r.Class != Genuine:
			case r.Hard:
				worstHard = min(worstHard, r.Share(r.First))
			default:
				worst = min(worst, r.Share(r.First))
			}
			if r.Class == Fake && r.Added {
				addedLicensed += r.Licensed
			}
			if r.Class == Fake && r.Foreign {
				foreignLicensed += r.Licensed
			}
		}
	}
	add("right first, worst kind", worst, "%")
	add("right first, worst of word missing, swapped, old spelling", worstHard, "%")
	add("added word called licensed", float64(addedLicensed), "")
	add("foreign identifier called licensed", float64(foreignLicensed), "")
	whole := Whole(rows)
	add("p50", float64(whole.Quantile(0.5))/float64(time.Millisecond), "ms")
	add("p99", float64(whole.Quantile(0.99))/float64(time.Millisecond), "ms")
	add("build", cost.Build, "s")
	add("resident", cost.Resident, "MB")
	return out
}

// Compared is one line of the table side by side.
type Compared struct {
	Name                                             string
	N                                                int
	First, Wrong, FakesLicensed, FakesWarned, Absent float64
	P50, P99                                         time.Duration
}

// Compare takes from the rows what stands side by side. Its times are by the clock on the wall, which is all that is known of peers.
func Compare(name string, rows []Row) Compared {
	whole := Whole(rows)
	c := Compared{Name: name, N: whole.N, P50: whole.Waited(0.5), P99: whole.Waited(0.99)}
	for _, r := range rows {
		switch r.Kind {
		case "ALL genuine":
			c.First, c.Wrong = r.Share(r.First), r.Share(r.Wrong)
		case "ALL fake":
			c.FakesLicensed, c.FakesWarned = r.Share(r.Licensed), r.Share(r.Warned)
		case "ALL absent":
			c.Absent = r.Share(r.Licensed)
		}
	}
	return c
}

// PrintCompared writes the table side by side.
func PrintCompared(w io.Writer, table []Compared) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "side by side\tn\tright first\tlicensed, wrong\tfakes licensed\tfakes warned\tabsent licensed\tp50\tp99\t")
	for _, c := range table {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%s\t%s\t\n", c.Name, c.N, c.First, c.Wrong, c.FakesLicensed, c.FakesWarned, c.Absent, c.P50.Round(time.Microsecond), c.P99.Round(time.Microsecond))
	}
	return t.Flush()
}

// PrintThresholds writes precision and recall of what is called licensed by the least score.
func PrintThresholds(w io.Writer, queries []Query, answers []Answer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "licensed from score\tprecision\trecall\t")
	for _, p := range Thresholds(queries, answers) {
		_, _ = fmt.Fprintf(t, "%.2f\t%.4f\t%.4f\t\n", p[0], p[1], p[2])
	}
	return t.Flush()
}
