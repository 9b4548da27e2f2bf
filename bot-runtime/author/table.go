package author

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/xuri/excelize/v2"
)

// textRow is a row of a table of texts: one text in one language, and how far it is.
type textRow struct {
	Flow, Key, Language, Text, State string
	// Exported is a mark of the text that the flow had when it was exported, to tell who changed what.
	Exported string
	line     int // of the table
}

// States of a text. They live in the table alone; the flow holds the words.
const (
	stateMissing  = "missing"  // there is no text in this language yet
	stateDraft    = "draft"    // nobody has approved it
	stateApproved = "approved" // it may go to citizens
	stateRejected = "rejected" // it is not written into the flow
)

var states = []string{stateMissing, stateDraft, stateApproved, stateRejected}

var columns = []string{"flow", "key", "language", "text", "state", "exported"}

// maxTableBytes bounds a table, unpacked.
const maxTableBytes = 32 << 20

// readTable reads a CSV or an XLSX; a file that is not there is no table.
func readTable(file string) (rows []textRow, there bool, err error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case info.Size() > maxTableBytes:
		return nil, false, fmt.Errorf("%s: %d bytes, at most %d are read", file, info.Size(), maxTableBytes)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		return nil, false, err
	}
	var cells [][]string
	if strings.EqualFold(filepath.Ext(file), ".xlsx") {
		cells, err = readXLSX(body)
	} else {
		cells, err = readCSV(body)
	}
	if err == nil {
		rows, err = rowsOf(cells)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", file, err)
	}
	return rows, true, nil
}

// rowsOf finds the columns by their names; others are left alone.
func rowsOf(cells [][]string) ([]textRow, error) {
	if len(cells) == 0 {
		return nil, errors.New("is empty; make it with bot-runtime texts export")
	}
	at := map[string]int{}
	for i, name := range cells[0] {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := at[name]; twice && name != "" {
			return nil, fmt.Errorf("line 1: two columns are named %q; rename one", name)
		}
		at[name] = i
	}
	for _, name := range columns[:4] {
		if _, ok := at[name]; !ok {
			return nil, fmt.Errorf("line 1: no column %q; the first line names the columns: %s", name, strings.Join(columns, ", "))
		}
	}
	var rows []textRow
	for i, row := range cells[1:] {
		cell := func(name string) string {
			if k, ok := at[name]; ok && k < len(row) {
				return row[k]
			}
			return ""
		}
		r := textRow{Flow: strings.TrimSpace(cell("flow")), Key: strings.TrimSpace(cell("key")), Language: strings.TrimSpace(cell("language")), Text: newlines.Replace(cell("text")),
			State: strings.ToLower(strings.TrimSpace(cell("state"))), Exported: strings.TrimSpace(cell("exported")), line: i + 2}
		if r.Flow+r.Key+r.Language+r.Text != "" {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n", "_x000D_\n", "\n", "_x000D_", "\n")

// readCSV takes commas, semicolons (as Excel writes where the comma is the decimal sign) or tabs, whichever the first line has.
func readCSV(body []byte) ([][]string, error) {
	body = bytes.TrimPrefix(body, []byte("\uFEFF"))
	first, _, _ := bytes.Cut(body, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(body))
	r.FieldsPerRecord = -1
	if i := bytes.IndexAny(first, ",;\t"); i >= 0 {
		r.Comma = rune(first[i])
	}
	cells, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("is no CSV: %w", err)
	}
	for _, row := range cells {
		for i := range row {
			row[i] = armed(row[i])
		}
	}
	return cells, nil
}

// A spreadsheet takes a cell that begins so for a formula, also after quotation marks of ours: a text from a flow could then do
// what its reader does not see. Such a cell gets an apostrophe in front, which import takes away again.
var (
	formula  = regexp.MustCompile(`^'*[=+\-@\t\r＝＋－＠]`)
	defanged = regexp.MustCompile(`^'+[=+\-@\t\r＝＋－＠]`)
)

func disarmed(cell string) string {
	if formula.MatchString(cell) {
		return "'" + cell
	}
	return cell
}

func armed(cell string) string {
	if defanged.MatchString(cell) {
		return cell[1:]
	}
	return cell
}

func readXLSX(body []byte) ([][]string, error) {
	f, err := excelize.OpenReader(bytes.NewReader(body), excelize.Options{UnzipSizeLimit: 4 * maxTableBytes, UnzipXMLSizeLimit: maxTableBytes, RawCellValue: true})
	if err != nil {
		return nil, fmt.Errorf("is no XLSX: %w", err)
	}
	defer f.Close()
	sheet := f.GetSheetName(0)
	cells, err := f.GetRows(sheet)
	if err != nil {
		return nil, fmt.Errorf("is no XLSX: %w", err)
	}
	for i := range cells {
		for k := range cells[i] {
			at, err := excelize.CoordinatesToCellName(k+1, i+1)
			if err != nil {
				return nil, err
			}
			if formula, err := f.GetCellFormula(sheet, at); err != nil || formula != "" {
				return nil, fmt.Errorf("line %d: %s is a formula; write the text", i+1, at)
			}
		}
	}
	return cells, nil
}

func (r textRow) cells() []string {
	return []string{r.Flow, r.Key, r.Language, r.Text, r.State, r.Exported}
}

func csvOf(rows []textRow) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\uFEFF") // Excel takes a file without it for one in the machine's old character set
	w := csv.NewWriter(&b)
	_ = w.Write(columns)
	for _, r := range rows {
		cells := r.cells()
		for i := range cells {
			cells[i] = disarmed(cells[i])
		}
		_ = w.Write(cells)
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// xlsxOf is a workbook whose cells are texts, whatever they look like, with a list of the states to choose from.
func xlsxOf(rows []textRow) ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	const sheet = "texts"
	last := len(rows) + 1
	var faults []error
	try := func(err error) { faults = append(faults, err) }
	try(f.SetSheetName("Sheet1", sheet))
	write := func(line int, cells []string) {
		for i, cell := range cells {
			at, err := excelize.CoordinatesToCellName(i+1, line)
			try(err)
			try(f.SetCellStr(sheet, at, cell))
		}
	}
	write(1, columns)
	for i, r := range rows {
		write(i+2, r.cells())
	}
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	try(err)
	const asText = 49
	words, err := f.NewStyle(&excelize.Style{NumFmt: asText, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	try(err)
	try(f.SetCellStyle(sheet, "A1", "F1", bold))
	try(f.SetCellStyle(sheet, "A2", fmt.Sprintf("F%d", max(last, 2)), words))
	for column, width := range map[string]float64{"A": 14, "B": 44, "C": 10, "D": 80, "E": 12, "F": 12} {
		try(f.SetColWidth(sheet, column, column, width))
	}
	try(f.SetPanes(sheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}))
	try(f.AutoFilter(sheet, fmt.Sprintf("A1:F%d", last), nil))
	choice := excelize.NewDataValidation(true)
	choice.Sqref = fmt.Sprintf("E2:E%d", max(last, 2))
	try(choice.SetDropList(states))
	choice.SetError(excelize.DataValidationErrorStyleStop, "state", "missing, draft, approved, rejected")
	try(f.AddDataValidation(sheet, choice))
	const howTo = "baca - read me"
	_, err = f.NewSheet(howTo)
	try(err)
	try(f.SetColWidth(howTo, "A", "A", 110))
	for i, line := range []string{
		"Ubah hanya kolom text dan state. Satu baris adalah satu teks dalam satu bahasa; {{ ... }} diisi oleh bot, jangan diterjemahkan.",
		"state: draft = belum disetujui, approved = boleh dikirim kepada warga, rejected = tidak dipakai, missing = belum ada teks.",
		"Change the columns text and state only. A row is one text in one language; {{ ... }} is filled in by the bot, do not translate it.",
		"state: draft = not approved yet, approved = may go to citizens, rejected = is not used, missing = there is no text yet.",
	} {
		try(f.SetCellStr(howTo, fmt.Sprintf("A%d", i+1), line))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("the table cannot be written: %w", err)
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		return nil, fmt.Errorf("the table cannot be written: %w", err)
	}
	return b.Bytes(), nil
}

// writeTable replaces a table as a whole.
func writeTable(file string, rows []textRow) error {
	body, err := []byte(nil), error(nil)
	if strings.EqualFold(filepath.Ext(file), ".xlsx") {
		body, err = xlsxOf(rows)
	} else {
		body, err = csvOf(rows)
	}
	if err != nil {
		return err
	}
	return replace(file, body)
}

// replace puts a file in the place of another: a reader sees the old one or the new one, and an error leaves the old.
func replace(file string, body []byte) error {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".texts-*")
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
