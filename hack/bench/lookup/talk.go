package lookup

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// What citizens write that names nobody: a subject, what is with it, and at times a courtesy.
var (
	subjects = []string{"kartu atm saya", "cicilan motor", "tagihan listrik", "pinjaman saya di bank", "bunga deposito", "asuransi mobil", "rekening tabungan", "saldo", "kartu kredit",
		"data pribadi saya", "debt collector", "slip gaji", "uang transferan", "paket umroh", "bpjs saya", "pengajuan kpr", "biaya admin bulanan", "polis jiwa", "saham gorengan", "reksa dana pasar uang",
		"angsuran rumah", "tabungan haji", "dompet digital", "paylater", "uang pesangon", "kode otp", "gadai emas", "kredit usaha rakyat", "klaim rawat inap", "denda keterlambatan", "token listrik", "tagihan air"}
	events = []string{"tertelan mesin kemarin malam", "belum lunas dua bulan", "salah hitung terus", "kenapa naik lagi", "hilang di jalan", "ditolak tanpa alasan", "berapa persen sekarang",
		"dipakai orang lain", "datang ke rumah marah marah", "gimana cara bayarnya", "kok belum cair ya", "dipotong tanpa pemberitahuan", "harus bawa dokumen apa", "bisa diperpanjang gak", "jatuh tempo tanggal berapa",
		"susah dibuka dari hp", "masih diproses terus", "mau saya tutup saja", "dikirim ke alamat lama", "lupa kata sandinya", "kena potongan pajak", "belum masuk sampai sore", "minta dikembalikan", "tercatat dua kali",
		"salah nama", "bagaimana cara ajukan keberatan", "diteror lewat pesan"}
	small = []string{"", "", "selamat siang, ", "min ", "tolong dibantu, ", "halo "}
	alone = []string{"antrean kantor buka jam berapa", "saya mau bicara dengan petugas", "nomor antrian saya hilang", "cuaca hari ini panas sekali", "where is your office located", "how do I file a complaint about my card",
		"my account was blocked yesterday", "cara lapor penipuan lewat telepon gimana", "saya sudah transfer tapi barang tidak dikirim", "kapan jadwal sosialisasi di kelurahan", "ibu saya lupa pin",
		"besok kantor libur tidak", "terima kasih banyak atas bantuannya", "anak saya kuliah butuh biaya semester", "hp saya kena hack kemarin", "apa bedanya bunga tetap dan mengambang", "siapa yang jaga loket sore ini",
		"can I speak to somebody in english", "what documents do I have to bring", "my husband passed away, what about his savings", "istri saya ditipu teman arisan", "surat kuasa harus pakai meterai berapa",
		"rumah saya mau disita minggu depan", "tadi pagi saya antre dua jam", "boleh minta nomor telepon cabang terdekat", "toko online itu tidak kirim barang"}
)

func talk(r *rand.Rand) string {
	if r.IntN(4) == 0 {
		return pick(r, small) + pick(r, alone) + strings.Repeat("?", r.IntN(3))
	}
	s := pick(r, small) + pick(r, subjects) + " " + pick(r, events)
	if r.IntN(3) == 0 {
		s += fmt.Sprintf(" sejak %d hari", 2+r.IntN(20))
	}
	return s
}
