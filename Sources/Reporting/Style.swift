/// The style sheet of the report: one file for screens light and dark, narrow and wide, and for paper.
enum Style {
    static func sheet(colours: [(light: Palette.Colour, dark: Palette.Colour)]) -> String {
        let light = colours.enumerated().map { ".s\($0){color:\($1.light.hex)}" }.joined()
        let dark = colours.enumerated().map { ".s\($0){color:\($1.dark.hex)}" }.joined()
        let filters = colours.indices
            .map {
                "body:has(#f\($0):not(:checked)) svg.chart .s\($0){display:none}body:has(#f\($0):not(:checked)) label.s\($0){opacity:.3}"
            }
            .joined()
        return base + Palette.rules(dark: false) + light + filters
            + "@media (prefers-color-scheme:dark){\(darkTheme)\(Palette.rules(dark: true))\(dark)}"
            + "@media print{\(print)}"
    }

    private static let darkTheme = """
        :root{--paper:#14171b;--card:#1a1e23;--ink:#e6e8eb;--soft:#9aa4af;--rule:#2c323a;--grid:#262c33;--link:#7cc0f7;\
        --good:#3ecf98;--bad:#ff8f66}
        """

    private static let print = """
        body{font-size:10pt}main{max-width:none;padding:0}nav,.toggle{display:none}\
        figure,.block,.claims li,tr{break-inside:avoid}h2,h3,h4{break-after:avoid}details{display:none}\
        *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
        """

    private static let base = """
        :root{color-scheme:light dark;--paper:#fff;--card:#f7f8f9;--ink:#1b1f24;--soft:#626c77;--rule:#e1e4e8;--grid:#eceef1;\
        --link:#0b5ea8;--good:#00805d;--bad:#c04a00}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
        body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 Inter,ui-sans-serif,system-ui,-apple-system,\
        "Segoe UI",Roboto,"Helvetica Neue",Arial,"Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
        main{max-width:1240px;margin:0 auto;padding:56px 40px 96px}
        h1{font-size:34px;line-height:1.18;letter-spacing:-.018em;font-weight:680;margin:6px 0 14px;max-width:30em;text-wrap:balance}
        h2{font-size:23px;line-height:1.25;letter-spacing:-.01em;font-weight:660;margin:72px 0 6px;padding-top:18px;\
        border-top:1px solid var(--rule)}
        h3{font-size:16px;font-weight:640;margin:0}
        h4{font-size:14px;font-weight:640;margin:0 0 30px}
        h4 span{font-weight:400;color:var(--soft)}
        p{margin:0 0 12px;max-width:46em}
        a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
        code,.mono{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
        .over{color:var(--soft);font-size:14px;letter-spacing:.02em;margin:0}
        .soft{color:var(--soft)}.small{font-size:13.5px}
        nav{display:flex;flex-wrap:wrap;gap:4px 20px;margin:26px 0 0;font-size:14.5px}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(128px,1fr));gap:0;margin:30px 0 26px;\
        border-top:1px solid var(--rule);border-bottom:1px solid var(--rule)}
        .tiles div{padding:14px 16px 12px 0}
        .tiles b{display:block;font-size:25px;line-height:1.2;font-weight:640;letter-spacing:-.015em}
        .tiles span{color:var(--soft);font-size:13px;line-height:1.35;display:block}
        dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:5px 22px;margin:0;font-size:14.5px}
        dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}
        ol.claims{list-style:none;padding:0;margin:18px 0 0}
        .claims li{display:grid;grid-template-columns:108px 1fr;gap:2px 18px;padding:14px 0;border-bottom:1px solid var(--rule)}
        .claims .say{font-weight:600}.claims .finding{grid-column:2;color:var(--soft);font-size:14.5px}
        .verdict{font-size:13px;font-weight:640;line-height:1.9;white-space:nowrap}
        .good{color:var(--good)}.bad{color:var(--bad)}
        .scroll{overflow-x:auto;margin:18px 0 0;-webkit-overflow-scrolling:touch}
        table{border-collapse:separate;border-spacing:0;font-size:14px;line-height:1.4}
        th,td{padding:6px 26px 6px 0;text-align:left;vertical-align:baseline;white-space:nowrap}
        thead th{border-bottom:1.5px solid var(--ink);font-weight:640;vertical-align:bottom}
        tbody th:first-child,thead th:first-child{position:sticky;left:0;background:var(--paper)}
        tbody td,tbody th{border-bottom:1px solid var(--rule);font-weight:400}
        tbody.group tr:first-child th[scope=rowgroup]{padding-top:22px;font-weight:640}
        td.num{text-align:right}td.num i{font-style:normal;color:var(--soft)}th.num{text-align:right}
        td.wrap{white-space:normal;min-width:16em}
        .mark{display:inline-block;width:9px;height:9px;border-radius:50%;background:currentColor;margin-right:7px}
        figure{margin:30px 0 0}
        svg.figure{display:block;max-width:100%;height:auto;border-radius:4px}
        figcaption{display:flex;flex-wrap:wrap;align-items:baseline;justify-content:space-between;gap:6px 26px;margin-bottom:20px}
        .legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13.5px}
        .legend label{cursor:pointer}.legend label span{color:var(--ink)}
        .legend .line{display:inline-block;width:18px;height:0;border-top:2.4px solid currentColor;margin-right:7px;vertical-align:.28em}
        .legend .chance .line{border-top:1.6px dashed var(--soft)}
        .toggle{position:absolute;width:1px;height:1px;opacity:0;pointer-events:none}
        .note{color:var(--soft);font-size:13.5px;margin:10px 0 0}
        .blocks{display:grid;gap:42px 44px;padding-bottom:34px}
        .charts{display:grid;gap:46px 20px;padding-left:36px}
        .n1{grid-template-columns:repeat(4,minmax(0,1fr));row-gap:58px}
        .n2,.n3{grid-template-columns:repeat(2,minmax(0,1fr))}
        .n1 .charts{grid-template-columns:minmax(0,210px)}
        .n2 .charts{grid-template-columns:repeat(2,minmax(0,200px))}
        .n3 .charts{grid-template-columns:repeat(3,minmax(0,200px))}
        .n4 .charts{grid-template-columns:repeat(4,minmax(0,200px))}
        .n5 .charts{grid-template-columns:repeat(5,minmax(0,200px))}
        .n6 .charts{grid-template-columns:repeat(6,minmax(0,1fr))}
        .n1 .ct{display:none}.n1 h4{margin-bottom:12px}
        #record{font-feature-settings:"calt" 0}
        :where(svg:not(.figure)){display:block;width:100%;height:auto;overflow:visible;font-family:inherit}
        :where(svg:not(.figure)) text{font-size:10.4px;fill:var(--soft)}
        svg .ct{font-size:11.4px;fill:var(--ink);font-weight:560}
        svg .yt text{text-anchor:end}svg .xl{display:none;text-anchor:end}.charts>svg:last-child .xl{display:inline}\
        .n4 .block:not(:last-child) .xl,.n5 .block:not(:last-child) .xl,.n6 .block:not(:last-child) .xl{display:none !important}svg .xt text{text-anchor:middle}
        :where(svg:not(.figure)) path{fill:none}
        svg .g{stroke:var(--grid);stroke-width:1}svg .z{stroke:var(--soft);stroke-width:.8}
        svg .a{stroke:var(--soft);stroke-width:.9}
        svg .l{stroke:currentColor;stroke-width:16;stroke-linejoin:round;stroke-linecap:round}
        svg .b{fill:currentColor;opacity:.17}
        :where(svg:not(.figure)) circle{fill:currentColor}
        svg .n{stroke:var(--soft);stroke-width:11;stroke-dasharray:35 35;opacity:.8}
        .n2 .charts>svg:not(:nth-child(2n+1)) .yt,.n3 .charts>svg:not(:nth-child(3n+1)) .yt,\
        .n4 .charts>svg:not(:nth-child(4n+1)) .yt,.n5 .charts>svg:not(:nth-child(5n+1)) .yt,\
        .n6 .charts>svg:not(:nth-child(6n+1)) .yt{display:none}
        .heats{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,350px),1fr));gap:30px 34px}
        svg.heat{overflow:hidden}
        svg .ht{font-size:12px;fill:var(--ink);font-weight:600}
        svg .hc{text-anchor:middle;font-size:9.6px}svg .hr{text-anchor:end;font-size:11px;fill:var(--ink)}
        svg.heat g text{font-size:11.5px;text-anchor:middle}.q rect{fill:var(--card);stroke:var(--rule)}
        .ramps{display:flex;gap:14px;align-items:flex-start;line-height:1;margin-top:18px;font-size:13px;color:var(--soft)}
        svg.ramp{width:189px;flex:none;overflow:visible}
        details{margin-top:26px}summary{cursor:pointer;color:var(--link);font-size:14.5px}
        pre{font-size:12.5px;line-height:1.5;background:var(--card);border-radius:6px;padding:16px 18px;overflow-x:auto;margin:12px 0 0}
        footer{margin-top:80px;padding-top:16px;border-top:1px solid var(--rule);color:var(--soft);font-size:13.5px}
        @media (max-width:980px){
        .n1{grid-template-columns:repeat(3,minmax(0,1fr))}.n2,.n3{grid-template-columns:minmax(0,1fr)}
        .n4 .charts,.n5 .charts,.n6 .charts{grid-template-columns:repeat(3,minmax(0,1fr))}
        .n4 .charts>svg:nth-child(n) .yt,.n5 .charts>svg:nth-child(n) .yt,.n6 .charts>svg:nth-child(n) .yt{display:inline}
        .n4 .charts>svg:not(:nth-child(3n+1)) .yt,.n5 .charts>svg:not(:nth-child(3n+1)) .yt,\
        .n6 .charts>svg:not(:nth-child(3n+1)) .yt{display:none}
        }
        @media (max-width:560px){
        body{font-size:15.5px}main{padding:28px 18px 64px}h1{font-size:26px}h2{margin-top:52px;font-size:21px}
        .tiles{grid-template-columns:repeat(2,1fr)}
        .n1{grid-template-columns:repeat(2,minmax(0,1fr));gap:54px 14px}
        .n3 .charts,.n4 .charts,.n5 .charts,.n6 .charts{grid-template-columns:repeat(2,minmax(0,1fr))}
        .n3 .charts>svg:nth-child(n) .yt,.n4 .charts>svg:nth-child(n) .yt,.n5 .charts>svg:nth-child(n) .yt,\
        .n6 .charts>svg:nth-child(n) .yt{display:inline}
        .charts>svg:nth-child(2n):nth-child(n):nth-child(n) .yt{display:none}
        .n1 .charts{padding-left:30px}
        .claims li{grid-template-columns:1fr}.claims .finding{grid-column:1}
        dl.facts{grid-template-columns:1fr;gap:0}dl.facts dd{margin-bottom:8px}
        th,td{padding-right:16px}table{font-size:13.5px}
        }
        """
}
