package lookup

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// What citizens write that names nobody: a subject, what is with it, and at times a courtesy.
var (
	subjects = []string{"kartu atm saya", "cicilan motor", "tagihan listrik", "pinjaman saya di bank", "bunga deposito", "asuransi mobil", "rekening tabungan", "saldo", "kartu kredit",
		"data pribadi saya", "debt collector", "slip gaji", "uang transferan", "paket umroh", "bpjs saya", "pengajuan kpr", "biaya admin bulanan", "polis jiwa", "saham gorengan", "reksa dana pasar uang"}
	events = []string{"tertelan mesin kemarin malam", "belum lunas dua bulan", "salah hitung terus", "kenapa naik lagi", "hilang di jalan", "ditolak tanpa alasan", "berapa persen sekarang",
		"dipakai orang lain", "datang ke rumah marah marah", "gimana cara bayarnya", "kok belum cair ya", "dipotong tanpa pemberitahuan", "harus bawa dokumen apa", "bisa diperpanjang gak", "jatuh tempo tanggal berapa"}
	small = []string{"", "", "selamat siang, ", "min ", "tolong dibantu, ", "halo "}
	alone = []string{"antrean kantor buka jam berapa", "saya mau bicara dengan petugas", "nomor antrian saya hilang", "cuaca hari ini panas sekali", "where is your office located", "how do I file a complaint about my card",
		"my account was blocked yesterday", "cara lapor penipuan lewat telepon gimana", "saya sudah transfer tapi barang tidak dikirim", "kapan jadwal sosialisasi di kelurahan", "ibu saya lupa pin"}
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
