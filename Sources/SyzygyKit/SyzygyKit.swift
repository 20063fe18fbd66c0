// SyzygyKit
